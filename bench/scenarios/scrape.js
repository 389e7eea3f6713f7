// What it costs to be looked at: the figures that each server process tells the primary once a second, and a scrape of
// /metrics, in time of the event loops of an otherwise idle server. A report a second finds its code and data cold, as
// Prometheus' scrapes do; twenty scrapes a second are there to rise above the noise.
import { setTimeout as delay } from 'node:timers/promises';
import { busyCall, light, smallHash } from '../calls.js';
import { load } from '../load/load.js';
import { mainThreadMs } from '../process-tree.js';
import { interleave } from '../rounds.js';
import { millrace, startServer } from '../servers.js';
import { primary, server } from './depends-on.js';

const variants = [
  { name: 'off', label: 'ADMIN_PORT=off', spec: millrace({ ADMIN_PORT: 'off' }), perSecond: 0 },
  { name: 'sampled', label: 'nobody scrapes', spec: millrace(), perSecond: 0 },
  { name: 'scraped', label: '20 scrapes a second', spec: millrace(), perSecond: 20 },
];

/** @type {import('./scenario.js').Scenario} */
export const scrape = {
  name: 'scrape',
  title: 'Time of the event loops for figures, of an idle server',
  sources: ['src/metrics/**', ...primary, ...server],
  rounds: 5,
  async run({ quick, rounds, say }) {
    const settings = { warmMs: quick ? 1_000 : 3_000, durationMs: quick ? 2_000 : 6_000 };
    const measured = await interleave({ quick, rounds, variants, say }, async ({ spec, perSecond }) => {
      const server = await startServer(spec);
      try {
        await useAll(server);
        await scrapeFor(settings.warmMs, perSecond, server);
        const pids = server.processes();
        const before = pids.map(mainThreadMs);
        const bytes = await scrapeFor(settings.durationMs, perSecond, server);
        const [primaryMs = Number.NaN, ...otherMs] = pids.map(
          (pid, i) => mainThreadMs(pid) - (before[i] ?? Number.NaN),
        );
        const seconds = settings.durationMs / 1_000;
        return {
          primaryMs: primaryMs / seconds,
          processMs: otherMs.reduce((sum, ms) => sum + ms, 0) / otherMs.length / seconds,
          ...(bytes > 0 && { kilobytes: bytes / 1_000 }),
        };
      } finally {
        await server.close();
      }
    });
    addDifferences(measured);
    return { settings, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: [
      'per second',
      'a server process',
      'one report or scrape of it',
      'the primary',
      'one report or scrape of it',
    ],
    rows: Object.values(results).map(({ label, values }) => [
      label,
      { metric: values.processMs, unit: 'ms' },
      { metric: values.eachProcessMs, unit: 'ms' },
      { metric: values.primaryMs, unit: 'ms' },
      { metric: values.eachPrimaryMs, unit: 'ms' },
    ]),
  }),
};

/** Every kind of figure is there. @param {import('../servers.js').Server} server */
async function useAll({ host, port }) {
  const times = { target: { host, port }, clients: 8, warmMs: 0, durationMs: 300 };
  for (const call of [light, smallHash, busyCall(5)]) await load('closedLoop', { ...call, ...times });
}

/**
 * @param {number} durationMs @param {number} perSecond @param {import('../servers.js').Server} server
 * @returns {Promise<number>} bytes of the last answer
 */
async function scrapeFor(durationMs, perSecond, { adminUrl }) {
  if (perSecond === 0) {
    await delay(durationMs);
    return 0;
  }
  const untilMs = performance.now() + durationMs;
  let bytes = 0;
  while (performance.now() < untilMs) {
    const next = delay(1_000 / perSecond);
    const response = await fetch(new URL('metrics', adminUrl));
    const text = await response.text();
    if (!text.includes('millrace_calls_total{')) throw new Error('a wrong answer from /metrics');
    bytes = Buffer.byteLength(text);
    await next;
  }
  return bytes;
}

/**
 * What one report costs, and one scrape: the difference to the variant without, round by round.
 * @param {import('../rounds.js').Results} measured
 */
function addDifferences(measured) {
  const pairs = [
    { name: 'sampled', without: 'off', perSecond: 1 },
    { name: 'scraped', without: 'sampled', perSecond: 20 },
  ];
  for (const { name, without, perSecond } of pairs) {
    const values = measured[name]?.values;
    const base = measured[without]?.values;
    if (values === undefined || base === undefined) continue;
    const each = (/** @type {string} */ metric) =>
      (values[metric] ?? []).map((ms, round) => (ms - (base[metric]?.[round] ?? Number.NaN)) / perSecond);
    values.eachProcessMs = each('processMs');
    values.eachPrimaryMs = each('primaryMs');
  }
}
