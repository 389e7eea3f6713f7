// `npm run autoscaler`: how many pods an autoscaler starts after a step to five times the load, how long it takes, and how
// many calls are refused meanwhile. The servers are real, and so are their load and their refusals; the pods are reckoned:
// those that began together have the same share of the calls, so one server stands for all of them. The arithmetic of the
// HPA and of KEDA is in autoscaler/arithmetic.js. Takes three minutes, and prints the table of docs/deploy.md.
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { byHpa, byKeda, limited } from './autoscaler/arithmetic.js';
import { endOnSignals } from './children.js';
import { readFlags } from './flags.js';
import { millrace, startServer } from './servers.js';

const usage = `npm run autoscaler -- [--seconds N] [--record]
  --seconds  how long it is watched after the step; default: 150
  --record   what each scrape told, one line of JSON for each`;
const values = readFlags(usage, {
  seconds: { type: 'string', default: '150' },
  record: { type: 'boolean', default: false },
});
const watchedS = Number(values.seconds);

const scrapeS = 5;
const syncS = 15;
/** From a decision until a pod takes calls: its node, its image, its start. */
const startS = 20;
const before = { pods: 2, work: 1.2 };
const factor = 5;
/** Keeps a thread by sleeping: so the pods of all cases fit on one machine. One thread a pod: 20 calls a second. */
const callMs = 50;
const app = fileURLToPath(new URL('../test/fixtures/apps/balanced/app.js', import.meta.url));

/**
 * @typedef {object} Generation pods that began together
 * @property {number} pods
 * @property {import('./servers.js').Server | undefined} server that stands for each of them, once it listens
 * @property {number} readyAtMs
 * @property {number} load as it was scraped last
 * @property {number} owed calls to be sent, as a fraction
 */
/** @typedef {{ name: string, queueMs: number, most: number, desired: typeof byHpa }} Case */

/** @type {readonly Case[]} */
const cases = [
  { name: 'HPA, `millrace_lane_load`', queueMs: 5_000, most: Number.POSITIVE_INFINITY, desired: byHpa },
  { name: 'KEDA, `millrace_lane_load`', queueMs: 5_000, most: Number.POSITIVE_INFINITY, desired: byKeda },
  { name: 'HPA, `QUEUE_MAX_WAIT_MS=1000`', queueMs: 1_000, most: Number.POSITIVE_INFINITY, desired: byHpa },
  { name: 'HPA, a gauge that stops at 1', queueMs: 5_000, most: 1, desired: byHpa },
];

/** @param {Case} one */
async function watch({ name, queueMs, most, desired }) {
  const spec = millrace({
    ...{ APP: app, WORKERS: '1', POOL_MAX_THREADS: '1', ACCESS_LOG: 'off' },
    QUEUE_MAX_WAIT_MS: String(queueMs),
    BOOT_TIMEOUT_MS: '120000',
    // Threads sleep here; that they step back would only show what else the machine does.
    POOL_NICE: '0',
  });
  /** @type {Generation[]} */
  const generations = [];
  let work = before.work;
  let sent = 0;
  let refused = 0;
  let enoughS = Number.NaN;
  let lastRefusalS = 0;
  let stepMs = Number.POSITIVE_INFINITY;
  let isOver = false;
  const sinceStepS = () => Math.max(0, performance.now() - stepMs) / 1_000;
  const isReady = (/** @type {Generation} */ { server, readyAtMs }) =>
    server !== undefined && performance.now() >= readyAtMs;
  const podsOf = (/** @type {readonly Generation[]} */ some) => some.reduce((all, { pods }) => all + pods, 0);

  /** @param {number} pods @param {number} afterMs */
  async function begin(pods, afterMs) {
    /** @type {Generation} */
    const generation = { pods, server: undefined, readyAtMs: performance.now() + afterMs, load: 0, owed: 0 };
    generations.push(generation);
    generation.server = await startServer(spec);
  }

  /** @param {Generation} generation */
  async function call({ server, pods }) {
    const res = await fetch(`${server?.url}/count?ms=${callMs}`, { headers: { 'x-millrace-retries': '1' } });
    await res.arrayBuffer();
    if (performance.now() < stepMs) return;
    sent += pods;
    if (res.status === 200) return;
    refused += pods;
    lastRefusalS = Math.max(lastRefusalS, sinceStepS());
  }

  async function send() {
    for (let lastMs = performance.now(); !isOver; await delay(20)) {
      const nowMs = performance.now();
      const ready = generations.filter(isReady);
      const perPod = (work / podsOf(ready) / callMs) * (nowMs - lastMs);
      lastMs = nowMs;
      for (const generation of ready)
        for (generation.owed += perPod; generation.owed >= 1; generation.owed--)
          call(generation).catch(() => {});
      if (Number.isNaN(enoughS) && sinceStepS() > 0 && podsOf(ready) >= work) enoughS = sinceStepS();
    }
  }

  async function scrape() {
    for (; !isOver; await delay(scrapeS * 1_000)) {
      for (const generation of generations.filter(isReady)) {
        // One that is not answered is a gap, as in Prometheus: the last value counts on.
        const text = await fetch(`${generation.server?.adminUrl}/metrics`).then(
          (res) => res.text(),
          () => '',
        );
        const told = /^millrace_lane_load ([\d.]+)$/m.exec(text)?.[1];
        if (told !== undefined) generation.load = Math.min(most, Number(told));
      }
      const told = generations.map(({ pods, load }) => ({ pods, load }));
      if (values.record)
        console.log(JSON.stringify({ name, atS: Math.round(sinceStepS()), told, sent, refused }));
    }
  }

  async function scale() {
    while (!isOver) {
      await delay(syncS * 1_000);
      const ready = generations.filter(isReady);
      const loads = ready.flatMap(({ pods, load }) => Array(pods).fill(load));
      const pods = podsOf(generations);
      const wanted = limited(desired(loads, pods), pods);
      // What ends as well: scaleDown waits for 300 s, which is longer than this is watched.
      if (wanted > pods) void begin(wanted - pods, startS * 1_000);
    }
  }

  await begin(before.pods, 0);
  const running = [send(), scrape()];
  await delay(10_000);
  running.push(scale());
  await delay(syncS * 1_000);
  work *= factor;
  stepMs = performance.now();
  await delay(watchedS * 1_000);
  isOver = true;
  await Promise.all(running);
  await Promise.all(generations.map(({ server }) => server?.close()));
  return { name, pods: podsOf(generations), enoughS, lastRefusalS, sent, refused };
}

endOnSignals();
const rows = await Promise.all(cases.map(watch));
console.log('| autoscaler, gauge | pods in the end | enough pods after | last refusal after | refused |');
console.log('| --- | ---: | ---: | ---: | ---: |');
const seconds = (/** @type {number} */ value) => (Number.isNaN(value) ? 'never' : `${Math.round(value)} s`);
for (const { name, pods, enoughS, lastRefusalS, sent, refused } of rows) {
  const share = `${refused} of ${sent} (${Math.round((100 * refused) / sent)} %)`;
  console.log(`| ${name} | ${pods} | ${seconds(enoughS)} | ${seconds(lastRefusalS)} | ${share} |`);
}
process.exit(0);
