import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createIdleCores } from '#src/lane/pool/idle-cores.js';
import { createSpareThreads } from '#src/lane/pool/spare-threads.js';
import { createLatch, outcome, startLane } from '../../support/lane.js';

const ms = 1_000;

/** Two threads are the process's share, the third is spare. @param left of the messages in flight; undefined: late */
function usable(estimateUs: number, left: readonly (number | undefined)[], idle: number, kept = 0): number {
  const threads = {
    inFlight: left.length,
    kept,
    punctualUs: () => left.filter((leftUs) => leftUs !== undefined),
  };
  return createSpareThreads({ share: 2, max: 3 }, threads, () => idle).usable(estimateUs, 0);
}

describe('a spare thread', () => {
  it.each<[string, number, (number | undefined)[], number, number]>([
    ['is there while the share is not used up', 25 * ms, [25 * ms], 0, 3],
    ['is there where a core is idle', 25 * ms, [20 * ms, 20 * ms], 1, 3],
    ['is not there where none is', 25 * ms, [20 * ms, 20 * ms], 0, 2],
    ['is there for a call that is much shorter than what runs', 10 * ms, [20 * ms, 25 * ms], 0, 3],
    ['is not there where one that runs is done as soon', 11 * ms, [20 * ms, 25 * ms], 0, 2],
    [
      'is there where a thread is late, for nobody knows when it is free',
      25 * ms,
      [20 * ms, undefined],
      0,
      3,
    ],
    ['stays busy while it is', 25 * ms, [20 * ms, 20 * ms, 20 * ms], 0, 2],
  ])('%s', (_name, estimateUs, left, idle, threads) => {
    expect(usable(estimateUs, left, idle)).toBe(threads);
  });

  it.each([
    ['for a client that will be back has a core to itself', 1, 2],
    ['leaves another core to others', 2, 3],
  ])('that is kept %s', (_name, idle, threads) => {
    expect(usable(1 * ms, [20 * ms], idle, 1)).toBe(threads);
  });

  it('is none where every thread is of the share', () => {
    const threads = { inFlight: 2, kept: 0, punctualUs: () => [25 * ms, 25 * ms] };
    const asked = () => {
      throw new Error('asked');
    };
    expect(createSpareThreads({ share: 2, max: 2 }, threads, asked).usable(25 * ms, 0)).toBe(2);
  });

  it('takes a call in the end, whatever the cores do, when the thread before it is late', async () => {
    const { call } = await startLane({ coreShare: 1, poolMaxThreads: 2 });
    const latch = createLatch();
    const calls = [1, 2].map(() => call('latch', { memory: latch.memory, gate: 1 }));
    await latch.begun(2);
    latch.open(1);
    expect(await Promise.all(calls.map(outcome))).toHaveLength(2);
  });
});

describe('idle cores', () => {
  async function fileOf(text: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'loadavg');
    await writeFile(path, text);
    return path;
  }

  it.each([
    ['0.00 0.00 0.00 1/80 11206\n', 2],
    ['9.90 9.90 9.90 2/80 11206\n', 1],
    ['0.00 0.00 0.00 3/80 11206\n', 0],
    ['0.00 0.00 0.00 31/1080 11206\n', 0],
    ['nothing of the kind', 2],
    ['', 2],
  ])('of two, where the system tells %j: %s', async (text, count) => {
    const idle = createIdleCores(2, await fileOf(text));
    onTestFinished(() => idle.close());
    expect(idle.count()).toBe(count);
  });

  it('are counted again after a moment', async () => {
    const path = await fileOf('0.00 0.00 0.00 3/80 11206\n');
    const idle = createIdleCores(2, path);
    onTestFinished(() => idle.close());
    expect(idle.count()).toBe(0);
    await writeFile(path, '0.00 0.00 0.00 2/80 11206\n');
    await delay(5);
    expect(idle.count()).toBe(1);
  });

  it('are all of them where the system does not tell', () => {
    const idle = createIdleCores(3, '/nowhere/loadavg');
    expect(idle.count()).toBe(3);
    idle.close();
    expect(idle.count()).toBe(3);
  });
});
