// What the load of a machine means: as a table, then with server processes that tell it.
import { describe, expect, it, onTestFinished } from 'vitest';
import type { LoadReport, MachineLoad } from '#src/messages.js';
import { type LoadTeller, loadOf, watchMachineLoad } from '#src/metrics/machine-load.js';
import { agentLine } from '#src/primary/agent.js';

const idle = {
  capacity: 2,
  cores: 2,
  busy: 0,
  waitingMs: 0,
  waitsMs: [0, 0],
  usedCores: 0,
  answersPerSecond: 0,
  errorsPerSecond: 0,
};

describe('the load of a machine', () => {
  it.each([
    ['nothing', {}, 0],
    ['one thread of two', { busy: 1 }, 0.5],
    ['all threads', { busy: 2 }, 1],
    ['more threads than cores: no more is done', { busy: 3.5 }, 1],
    ['all threads, and six seconds of work waits', { busy: 2, waitingMs: 6_000 }, 4],
    ['work that waits while a thread starts', { waitingMs: 500 }, 0.25],
  ])('with %s', (_what, measured, load) => {
    expect(loadOf({ ...idle, ...measured }).load).toBe(load);
  });

  it('tells the wait as the mean of those who take calls, and nothing that is no number where nobody does', () => {
    expect(loadOf({ ...idle, waitsMs: [1_000, 2_000] }).waitSeconds).toBe(1.5);
    expect(loadOf({ ...idle, waitsMs: [] }).waitSeconds).toBe(0);
  });

  it('is reckoned over the last second of each server process, and told to all of them where it changes', () => {
    const told: MachineLoad[] = [];
    const server = { ...teller(), tellLoad: (load: MachineLoad) => void told.push(load) };
    const loads = watchMachineLoad([server]);
    onTestFinished(() => loads.close());
    server.load = report(0, 0);
    expect(loads.read().load).toBe(0);
    server.load = report(500, 500);
    expect(loads.read().load).toBe(0.5);
    server.load = report(1_500, 2_500);
    // A second ago it was 500 ms: two threads of two since then.
    expect(loads.read().load).toBe(1);
    server.load = report(2_500, 2_500);
    expect(loads.read()).toMatchObject({ load: 0, answersPerSecond: 100 });
  });
});

function teller(): LoadTeller & { load: LoadReport | undefined } {
  return { state: 'ready', config: { cores: 2, poolMaxThreads: 2 }, load: undefined, tellLoad() {} };
}

function report(atMs: number, threadsBusyMs: number): LoadReport {
  return { atMs, threadsBusyMs, waitingMs: 0, expectedWaitMs: 0, cpuMs: 0, answers: atMs / 10, errors: 0 };
}

describe("the agent's line", () => {
  const line = (load: number, more = {}) =>
    agentLine({
      state: 'ready',
      readiness: 'ok',
      machineLoad: () => ({ ...loadOf(idle), load }),
      ...more,
    });

  it('says how much is free, and never less than 1 %', () => {
    expect([0, 0.27, 0.994, 1, 7].map((load) => line(load))).toEqual(
      [100, 73, 1, 1, 1].map((free) => `up ready ${free}%\n`),
    );
  });

  it('says drain while the server stops, and down where none can serve', () => {
    expect(line(0, { state: 'stopping', readiness: 'unavailable' })).toBe('drain\n');
    expect(line(0, { state: 'degraded', readiness: 'unavailable' })).toBe('down\n');
  });
});
