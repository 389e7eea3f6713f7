// The last second's load, from what server processes told now and before.
import { expect, it } from 'vitest';
import { addLatency, emptyScale, latencyPercentile } from '#src/metrics/latency-scale.js';
import { createLoadSampler } from '#src/primary/admin/load-sampler.js';

const status = {
  primary: { pid: 1, state: 'ready', uptimeMs: 1, restarts: 0, lastReload: null, exits: [] },
  servers: [],
  totals: {},
} as const;

function told(pid: number, atMs: number, io: readonly number[]) {
  const scale = emptyScale();
  for (const seconds of io) addLatency(scale, seconds);
  return { pid, metrics: { atMs, series: [], latency: { io: scale, cpu: emptyScale() } } };
}

it('is what was added since, by the clock of each process', () => {
  const sample = createLoadSampler();
  sample([told(1, 0, [1, 1]), told(2, 500, [])], status);
  const load = sample([told(1, 2_000, [1, 1, 0.002, 0.002]), told(2, 1_500, [0.002])], status);
  expect(load.io.perSecond).toBeCloseTo(1 + 1);
  expect(load.io.p50Ms).toBeCloseTo(2, 0);
  expect(load.cpu).toEqual({ perSecond: 0, p50Ms: null, p99Ms: null });
});

it('waits for a process that did not answer, and forgets one that has gone', () => {
  const sample = createLoadSampler();
  const silent = told(1, 0, [0.1]);
  sample([silent], status);
  expect(sample([silent], status).io.perSecond).toBe(0);
  expect(sample([told(2, 0, [0.1, 0.1])], status).io.perSecond).toBe(2);
});

it('tells percentiles within a tenth, from a microsecond to a minute', () => {
  for (const seconds of [2e-6, 0.000_05, 0.001_3, 0.7, 59]) {
    const scale = emptyScale();
    addLatency(scale, seconds);
    const ms = latencyPercentile(scale, 0.99) ?? 0;
    expect(Math.abs(ms / (seconds * 1_000) - 1)).toBeLessThan(0.1);
  }
  const odd = emptyScale();
  for (const seconds of [0, 1e-9, 1e6]) addLatency(odd, seconds);
  expect(odd.reduce((sum, one) => sum + one, 0)).toBe(3);
});
