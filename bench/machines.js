// `npm run machines`: two and three machines, each a network namespace, behind the real HAProxy and nginx with the files of
// deploy/. Prints what is lost where one is full, reloaded, stopped, killed, or its cable is pulled, under load: the table of
// docs/deploy.md. Ends with 1 where something is lost that must not be. Needs root, Linux, and the two programs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { atEnd, endOnSignals } from './children.js';
import { readFlags } from './flags.js';
import { balancers, isHere, startBalancer } from './machines/balancers.js';
import { createCases } from './machines/cases.js';
import { startMachine } from './machines/machine.js';
import { createNetwork, isInside, runInside, whyNot } from './machines/network.js';

const allCases = 'full,most-full,all-full,weights,reload,stop,kill,cable';
const usage = `npm run machines -- [--balancer NAME] [--machines N] [--only CASE] [--rounds N] [--json]
  --balancer  haproxy, nginx, or both: haproxy,nginx (default)
  --machines  2, 3, or both: 2,3 (default)
  --only      of ${allCases}; default: all
  --rounds    of three requests, while machines are full; default: 100
  --json      one line of JSON for each case, for programs`;
const values = readFlags(usage, {
  balancer: { type: 'string', default: 'haproxy,nginx' },
  machines: { type: 'string', default: '2,3' },
  only: { type: 'string', default: allCases },
  rounds: { type: 'string', default: '100' },
  json: { type: 'boolean', default: false },
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

const cases = createCases(folder, Number(values.rounds));
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
