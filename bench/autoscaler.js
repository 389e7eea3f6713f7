// How many pods an autoscaler starts after a step to five times the load, and how many calls are refused meanwhile: its
// documented arithmetic (desired = ceil(pods × load ÷ target), every 15 s) on pods that queue and refuse as the lane does.
// A model in whole seconds, not a measurement: `node bench/autoscaler.js` prints the table of docs/deploy.md.

const target = 0.7;
const syncS = 15;
const startS = 20;
const scrapeS = 5;
const before = { pods: 2, demand: 2 * 0.6 };

/**
 * @param {{ factor: number, queueS: number, most: number, perSync: (pods: number) => number }} setting demand's growth,
 *   QUEUE_MAX_WAIT_MS, what the gauge ends at, and how many pods a step may reach
 */
export function simulate({ factor, queueS, most, perSync }) {
  const demand = before.demand * factor;
  const pods = [...Array(before.pods)].map(() => ({ readyAt: 0, backlog: 0, load: 0.6 }));
  let refused = 0;
  let asked = 0;
  let enoughAt;
  let quietAt;
  for (let second = 0; second < 600; second++) {
    const ready = pods.filter(({ readyAt }) => readyAt <= second);
    asked += demand;
    let refusedNow = 0;
    for (const pod of ready) {
      const work = pod.backlog + demand / ready.length;
      const done = Math.min(1, work);
      pod.backlog = Math.min(queueS, work - done);
      refusedNow += Math.max(0, work - done - queueS);
      if (second % scrapeS === 0) pod.load = Math.min(most, done + pod.backlog);
    }
    refused += refusedNow;
    if (refusedNow > 0) quietAt = undefined;
    else quietAt ??= second;
    if (second > 0 && second % syncS === 0) {
      const average = ready.reduce((sum, { load }) => sum + load, 0) / ready.length;
      // Pods that are not ready yet count as if they took nothing (the HPA's own rule for a step up).
      const ratio = (average * ready.length) / pods.length / target;
      if (ratio > 1.1) {
        const desired = Math.min(20, Math.ceil(pods.length * ratio), perSync(pods.length));
        while (pods.length < desired) pods.push({ readyAt: second + startS, backlog: 0, load: 0 });
      }
    }
    if (enoughAt === undefined && ready.length >= demand) enoughAt = second;
  }
  return { pods: pods.length, enoughAt, quietAt, refusedShare: refused / asked, refused };
}

/** @type {readonly (readonly [name: string, gauge: { queueS: number, most: number }])[]} */
export const cases = [
  ['millrace_lane_load, `QUEUE_MAX_WAIT_MS=5000`', { queueS: 5, most: Number.POSITIVE_INFINITY }],
  ['the same, `QUEUE_MAX_WAIT_MS=1000`', { queueS: 1, most: Number.POSITIVE_INFINITY }],
  ['a gauge that stops at 1', { queueS: 5, most: 1 }],
];

if (import.meta.filename === process.argv[1]) {
  console.log(
    '| gauge | pods in the end | enough pods after | no refusals after | refused, in seconds of one pod’s work |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: |');
  for (const [name, gauge] of cases) {
    const { pods, enoughAt, quietAt, refused } = simulate({ factor: 5, perSync: (now) => now * 5, ...gauge });
    console.log(`| ${name} | ${pods} | ${enoughAt} s | ${quietAt} s | ${Math.round(refused)} |`);
  }
}
