// What is counted and how it is told: the recorder of a server process, the sums, the text.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { latencyPercentile } from '#src/metrics/latency-scale.js';
import { createRuntimeMetrics } from '#src/metrics/runtime-metrics.js';
import { expose } from '#src/primary/admin/exposition.js';
import { addSeries } from '#src/primary/metrics-sum.js';
import { createServerMetrics } from '#src/server/metrics.js';
import { parseExposition } from '../../support/exposition.js';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
if (!hasPromtool) console.warn('Skipped: promtool is not here (Debian: apt-get install prometheus).');

function busyProcess() {
  const metrics = createServerMetrics(['/hash', '/compute']);
  metrics.onAnswer('GET', '/', 200, 0.0003);
  metrics.onAnswer('GET', '/', 200, 0.004);
  metrics.onAnswer('BREW', 'unmatched', 405, 0.0001);
  metrics.onAnswer('GET', '/compute/:operation', 499, 120);
  metrics.onCall({ task: 'hash', outcome: 'completed', lane: 'thread', queueMs: 2, runMs: 30 }, false);
  metrics.onCall({ task: 'hash', outcome: 'refused', lane: 'none', queueMs: 0, runMs: 0 }, false);
  metrics.onCall({ task: 'hash', outcome: 'expired', lane: 'none', queueMs: 50, runMs: 0 }, false);
  metrics.onStalled();
  return metrics;
}

async function textOf(...processes: ReturnType<typeof createServerMetrics>[]): Promise<string> {
  const sums = new Map();
  for (const one of processes) addSeries(sums, one.report().series);
  return expose({
    status: {
      primary: {
        pid: 1,
        state: 'ready',
        uptimeMs: 1,
        restarts: 2,
        memoryBytes: 1,
        cpuCores: 0,
        lastReload: null,
        reloads: [],
        exits: [],
      },
      lane: { load: 1.25, waitSeconds: 0.5 },
      servers: [],
      totals: {},
    },
    throttledPeriods: 3,
    jobs: {
      states: { waiting: 2, running: 1, completed: 5, failed: 0, cancelled: 0 },
      oldestMs: 1_500,
      reruns: 1,
    },
    restartsByReason: new Map([['heartbeat timeout', 2]]),
    series: [...sums.values()],
    runtime: [await createRuntimeMetrics('primary')(), await createRuntimeMetrics('1')()],
  });
}

describe('the text', () => {
  it('sums server processes, series by series', async () => {
    const { sum, types } = parseExposition(await textOf(busyProcess(), busyProcess()));
    const get = { method: 'GET', route: '/', status: '200' };
    expect(sum('http_request_duration_seconds_count', get)).toBe(4);
    expect(sum('http_request_duration_seconds_sum', get)).toBeCloseTo(0.0086);
    expect(sum('http_request_duration_seconds_bucket', { ...get, le: '0.00025' })).toBe(0);
    expect(sum('http_request_duration_seconds_bucket', { ...get, le: '0.0005' })).toBe(2);
    expect(sum('http_request_duration_seconds_bucket', { ...get, le: '0.005' })).toBe(4);
    expect(sum('http_request_duration_seconds_bucket', { ...get, le: '+Inf' })).toBe(4);
    expect(sum('millrace_calls_total', { task: 'hash', outcome: 'completed', lane: 'thread' })).toBe(2);
    expect(sum('millrace_calls_total', { outcome: 'refused', lane: 'none' })).toBe(2);
    expect(sum('millrace_call_wait_seconds_count', { task: 'hash' }), 'refused calls did not wait').toBe(4);
    expect(sum('millrace_call_run_seconds_count', { task: 'hash' }), 'two ran').toBe(2);
    expect(sum('millrace_server_restarts_total', { reason: 'heartbeat_timeout' })).toBe(2);
    expect(sum('millrace_threads_stalled_total', {})).toBe(2);
    expect(types.get('millrace_threads')).toBe('gauge');
    expect(types.get('millrace_queue_waiting')).toBe('gauge');
    expect(types.get('millrace_server_processes')).toBe('gauge');
  });

  it('has threads that stalled from the first scrape on, so that the first one shows as a rise', async () => {
    const text = await textOf(createServerMetrics([]));
    expect(text).toContain('\nmillrace_threads_stalled_total 0\n');
  });

  it('names no method that a client invented, and counts what lasts longer than the last bound', async () => {
    const { sum } = parseExposition(await textOf(busyProcess()));
    expect(sum('http_request_duration_seconds_count', { method: 'other', route: 'unmatched' })).toBe(1);
    expect(sum('http_request_duration_seconds_bucket', { status: '499', le: '60' })).toBe(0);
    expect(sum('http_request_duration_seconds_bucket', { status: '499', le: '+Inf' })).toBe(1);
  });

  it('tells each process’s own figures apart', async () => {
    const { samples } = parseExposition(await textOf());
    const memory = samples.filter(({ name }) => name === 'process_resident_memory_bytes');
    expect(memory.map(({ labels }) => labels.process)).toEqual(['primary', '1']);
    expect(samples.filter(({ name, labels }) => /^(process|nodejs)_/.test(name) && !labels.process)).toEqual(
      [],
    );
  });

  it.skipIf(!hasPromtool)('is clean to promtool', async () => {
    const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await textOf(busyProcess()),
    });
    expect(String(stderr)).toBe('');
    expect(status).toBe(0);
  });
});

describe('the latencies of a server process', () => {
  const total = (cells: readonly number[]) => cells.reduce((sum, one) => sum + one, 0);

  it('are those of light routes by answer, and of calls by task and lane', () => {
    const { lightLatency, callLatency } = busyProcess().report();
    expect(total(lightLatency)).toBe(3);
    const calls = callLatency.map(({ task, lane, scale }) => [task, lane, total(scale)]);
    // One ran, one expired in the queue; the refused one says nothing.
    expect(calls).toEqual([['hash', 'thread', 2]]);
  });

  it('of a call are its wait and its run', () => {
    const metrics = createServerMetrics(['/hash']);
    metrics.onCall({ task: 'hash', outcome: 'completed', lane: 'thread', queueMs: 300, runMs: 100 }, false);
    metrics.onCall({ task: 'hash', outcome: 'cancelled', lane: 'thread', queueMs: 1, runMs: 1 }, false);
    metrics.onCall({ task: 'hash', outcome: 'completed', lane: 'thread', queueMs: 0, runMs: 60_000 }, true);
    const [call] = metrics.report().callLatency;
    expect(total(call?.scale ?? []), 'nobody waited for the other two: one left, one is a job').toBe(1);
    expect(latencyPercentile(call?.scale ?? [], 0.5)).toBeCloseTo(400, -2);
  });
});
