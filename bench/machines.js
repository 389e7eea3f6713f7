// `npm run machines`: two and three machines, each a network namespace, behind the real HAProxy and nginx with the files of
// deploy/. Prints what is lost where one is full, reloaded, stopped, killed, or its cable is pulled, under load: the table of
// docs/deploy.md. Ends with 1 where something is lost that must not be. Needs root, Linux, and the two programs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { atEnd, endOnSignals } from './children.js';
import { balancers, isHere, publicUrl, startBalancer, weights } from './machines/balancers.js';
import { startLoad } from './machines/load.js';
import { keepFull, post, startMachine } from './machines/machine.js';
import { createNetwork, isInside, runInside, whyNot } from './machines/network.js';

/** @typedef {import('./machines/machine.js').Machine} Machine */
/** @typedef {{ values: Record<string, unknown>, faults: string[] }} Seen */

const { values } = parseArgs({
  options: {
    balancer: { type: 'string', default: 'haproxy,nginx' },
    machines: { type: 'string', default: '2,3' },
    only: { type: 'string', default: 'full,most-full,all-full,weights,reload,stop,kill,cable' },
    /** For `full`: rounds of three requests. */
    rounds: { type: 'string', default: '100' },
    /** One line of JSON for each case, for programs. */
    json: { type: 'boolean', default: false },
  },
});

const reason = isInside ? undefined : whyNot();
if (reason !== undefined) {
  console.error(`npm run machines: ${reason}.`);
  process.exit(1);
}
if (!isInside) process.exit(await runInside());

endOnSignals();
const folder = mkdtempSync(join(tmpdir(), 'machines-'));
atEnd(() => rmSync(folder, { recursive: true, force: true }));

/** What is asked of the machines, by name. @type {Record<string, (machines: Machine[], balancer: string) => Promise<Seen | undefined>>} */
const cases = {
  /** One is full: nothing is refused. */
  async full(machines) {
    const refused = await whileFull(machines.slice(0, 1));
    const lost = Object.values(refused).reduce((all, one) => all + one, 0);
    const faults = lost > 0 ? [`${lost} were refused though there was room`] : [];
    return { values: { sent: 3 * rounds, refused }, faults };
  },

  /** All but one are full: a refusal is handed on once (nginx: twice), and may meet another full machine. */
  async 'most-full'(machines) {
    if (machines.length < 3) return undefined;
    return { values: { sent: 3 * rounds, refused: await whileFull(machines.slice(0, -1)) }, faults: [] };
  },

  async 'all-full'(machines) {
    const letGo = await Promise.all(machines.map(keepFull));
    const answer = await post(publicUrl, { ms: 20_000 });
    const code = /"code":"(\w+)"/.exec(await answer.text())?.[1];
    const light = (await fetch(`${publicUrl}/light`)).status;
    await Promise.all(letGo.map((go) => go()));
    const retryAfter = answer.headers.get('retry-after');
    const isOwn = answer.status === 503 && code === 'OVERLOADED' && Number(retryAfter) >= 1;
    const faults = [
      ...(isOwn ? [] : ['no refusal of the server']),
      ...(light === 200 ? [] : ['a light route was refused']),
    ];
    return {
      values: { status: answer.status, code, 'Retry-After': retryAfter, 'light route': light },
      faults,
    };
  },

  /** One is half busy with its own clients: how the calls are divided then. */
  async weights(machines, balancer) {
    const [one] = machines;
    if (balancer !== 'haproxy' || one === undefined) return undefined;
    let isOver = false;
    const busy = (async () => {
      while (!isOver) {
        await post(one.url, { ms: 60 });
        await delay(40);
      }
    })();
    await delay(4_000);
    const seen = await weights();
    const calls = new Map();
    for (let turn = 0; turn < 400; turn++) {
      const pid = await (await fetch(`${publicUrl}/light`)).text();
      calls.set(pid, (calls.get(pid) ?? 0) + 1);
    }
    isOver = true;
    await busy;
    const { one: low = 0, two: high = 0 } = seen;
    const shares = [...calls.values()].sort((a, b) => a - b).map((count) => `${Math.round(count / 4)} %`);
    return {
      values: { weights: seen, shares },
      faults: low < high ? [] : ['a busy machine has no lower weight'],
    };
  },

  // How many may be lost is what may be under way to a machine in that moment, generously.
  reload: (machines) => underLoad(machines, (one) => one.reload(), { posts: 0, reads: 0 }),

  stop: (machines, balancer) =>
    underLoad(machines, (one) => one.stop(), { posts: balancer === 'nginx' ? 20 : 0, reads: 0 }),

  kill: (machines) => underLoad(machines, (one) => one.kill(), { posts: 20, reads: 0 }),

  cable: (machines, balancer) =>
    underLoad(
      machines,
      async (one) => {
        one.host.pullCable();
        await delay(10_000);
      },
      // HAProxy gives its connections up after 10 s and asks another machine; nginx waits for its timeout.
      { posts: 60, reads: balancer === 'nginx' ? 60 : 0 },
    ),
};

/** POSTs, a task's GETs and POSTs of 20 kB, one after the other. @param {readonly Machine[]} full @returns how many were refused */
async function whileFull(full) {
  const letGo = await Promise.all(full.map(keepFull));
  const filler = 'x'.repeat(20_000);
  const refused = { POST: 0, GET: 0, 'POST of 20 kB': 0 };
  for (let turn = 0; turn < rounds; turn++) {
    if ((await post(publicUrl, { ms: 0 })).status !== 200) refused.POST++;
    if ((await fetch(`${publicUrl}/count?ms=0`)).status !== 200) refused.GET++;
    if ((await post(publicUrl, { ms: 0, filler })).status !== 200) refused['POST of 20 kB']++;
  }
  await Promise.all(letGo.map((go) => go()));
  return refused;
}

/** @param {Machine[]} machines @param {(one: Machine) => Promise<unknown>} happen @param {{ posts: number, reads: number }} most */
async function underLoad(machines, happen, most) {
  const [one] = machines;
  if (one === undefined) throw new Error('no machine');
  const load = startLoad(folder);
  await delay(3_000);
  await happen(one);
  await delay(6_000);
  const account = await load.stop();
  const faults = [];
  if (account.ranTwice > 0) faults.push(`${account.ranTwice} ran twice`);
  if (account.answeredNotRun > 0) faults.push(`${account.answeredNotRun} were answered and did not run`);
  if (account.lostPosts > most.posts) faults.push(`${account.lostPosts} POSTs were lost`);
  if (account.lostReads > most.reads) faults.push(`${account.lostReads} reads were lost`);
  return { values: account, faults };
}

const rounds = Number(values.rounds);
let isGood = true;
const wanted = values.only.split(',');
const sizes = values.machines.split(',').map(Number);
const hosts = createNetwork(['one', 'two', 'three'].slice(0, Math.max(...sizes)));
for (const balancer of values.balancer.split(',')) {
  if (balancers[balancer] === undefined || !isHere(balancer)) {
    console.error(`Left out: ${balancer} is not here (Debian: apt-get install ${balancer}).`);
    continue;
  }
  for (const size of sizes) {
    const places = hosts.slice(0, size);
    const machines = await Promise.all(places.map(startMachine));
    const front = await startBalancer(balancer, places, folder);
    for (const name of wanted) {
      const seen = await cases[name]?.(machines, balancer);
      if (seen === undefined) continue;
      const { values: told, faults } = seen;
      isGood &&= faults.length === 0;
      if (values.json)
        console.log(JSON.stringify({ balancer, machines: size, case: name, values: told, faults }));
      else
        console.log(
          `${balancer}, ${size} machines, ${name}: ${JSON.stringify(told)}${faults.map((one) => ` NOT GOOD: ${one}`).join('')}`,
        );
      const [host] = places;
      if (host !== undefined && (name === 'stop' || name === 'kill')) machines[0] = await startMachine(host);
      if (host !== undefined && name === 'cable') host.plugIn();
      // The balancer has seen that it is back.
      await delay(4_000);
    }
    await front.close();
    await Promise.all(machines.map((machine) => machine.kill()));
  }
}
process.exit(isGood ? 0 : 1);
