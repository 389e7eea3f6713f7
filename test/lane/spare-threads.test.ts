import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createIdleCore } from '#src/lane/idle-core.js';
import { createSpareThreads } from '#src/lane/spare-threads.js';
import { createLatch, outcome, startLane } from '../support/lane.js';

const ms = 1_000;

/** Two threads are the process's share, the third is spare. @param left of the messages in flight; undefined: late */
function usable(estimateUs: number, left: readonly (number | undefined)[], idle: boolean): number {
  const threads = {
    inFlight: left.length,
    punctualUs: () => left.filter((leftUs) => leftUs !== undefined),
  };
  return createSpareThreads({ share: 2, max: 3 }, threads, () => idle).usable(estimateUs, 0);
}

describe('a spare thread', () => {
  it.each<[string, number, (number | undefined)[], boolean, number]>([
    ['is there while the share is not used up', 25 * ms, [25 * ms], false, 3],
    ['is there where a core is idle', 25 * ms, [20 * ms, 20 * ms], true, 3],
    ['is not there where none is', 25 * ms, [20 * ms, 20 * ms], false, 2],
    ['is there for a call that is much shorter than what runs', 10 * ms, [20 * ms, 25 * ms], false, 3],
    ['is not there where one that runs is done as soon', 11 * ms, [20 * ms, 25 * ms], false, 2],
    [
      'is there where a thread is late, for nobody knows when it is free',
      25 * ms,
      [20 * ms, undefined],
      false,
      3,
    ],
    ['stays busy while it is', 25 * ms, [20 * ms, 20 * ms, 20 * ms], false, 2],
  ])('%s', (_name, estimateUs, left, idle, threads) => {
    expect(usable(estimateUs, left, idle)).toBe(threads);
  });

  it('is none where every thread is of the share', () => {
    const threads = { inFlight: 2, punctualUs: () => [25 * ms, 25 * ms] };
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

describe('an idle core', () => {
  async function fileOf(text: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'loadavg');
    await writeFile(path, text);
    return path;
  }

  it.each([
    ['0.00 0.00 0.00 1/80 11206\n', true],
    ['9.90 9.90 9.90 2/80 11206\n', true],
    ['0.00 0.00 0.00 3/80 11206\n', false],
    ['0.00 0.00 0.00 31/1080 11206\n', false],
    ['nothing of the kind', true],
    ['', true],
  ])('of two, where the system tells %j: %s', async (text, isThere) => {
    const idle = createIdleCore(2, await fileOf(text));
    onTestFinished(() => idle.close());
    expect(idle.isThere()).toBe(isThere);
  });

  it('is read again after a moment', async () => {
    const path = await fileOf('0.00 0.00 0.00 3/80 11206\n');
    const idle = createIdleCore(2, path);
    onTestFinished(() => idle.close());
    expect(idle.isThere()).toBe(false);
    await writeFile(path, '0.00 0.00 0.00 2/80 11206\n');
    await delay(5);
    expect(idle.isThere()).toBe(true);
  });

  it('is assumed where the system does not tell, and after the end', () => {
    const idle = createIdleCore(1, '/nowhere/loadavg');
    expect(idle.isThere()).toBe(true);
    idle.close();
    expect(idle.isThere()).toBe(true);
  });
});
