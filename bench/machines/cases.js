// What is asked of the machines while something happens to one of them, and what must not be lost then.
import { setTimeout as delay } from 'node:timers/promises';
import { publicUrl, weights } from './balancers.js';
import { startLoad } from './load.js';
import { keepFull, post } from './machine.js';

/** @typedef {import('./machine.js').Machine} Machine */
/** @typedef {{ values: Record<string, unknown>, faults: string[] }} Seen */

/**
 * By their names: each is asked of machines behind a balancer that runs, and leaves them as they are then.
 * @param {string} folder for what the load writes down
 * @param {number} rounds of three requests, while machines are full
 * @returns {Record<string, (machines: Machine[], balancer: string) => Promise<Seen | undefined>>} undefined: nothing to be seen
 */
export function createCases(folder, rounds) {
  return {
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
}
