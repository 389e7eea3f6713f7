// The lane while no thread can take a call: all that there may be are left to calls which go on.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createLogger } from '#src/log.js';
import { createLatch, outcome, startLane } from '../support/lane.js';

const native = fileURLToPath(new URL('../fixtures/native', import.meta.url));

it('what waits is refused after QUEUE_MAX_WAIT_MS, what comes at once, until there is a thread again', async () => {
  const { call, lane } = await startLane(
    { poolMaxThreads: 1, queueMaxWaitMs: 5_000 },
    createLogger('silent', {}),
    { folders: [native] },
  );
  const latch = createLatch();
  /** A call that is left the only thread that there is. */
  async function takeThread(held: number, meanwhile = (): void => undefined): Promise<void> {
    const left = call('linger', { how: 'gate', memory: latch.memory });
    await latch.begun(held);
    meanwhile();
    left.cancel();
    expect(await outcome(left)).toBe('CallCancelled');
    await expect.poll(() => lane.status().threads.leftover).toBe(held);
  }
  // As many as may linger before they take the places of others.
  for (let held = 1; held <= 8; held++) await takeThread(held);
  let waiting: Promise<unknown>[] = [];
  await takeThread(9, () => {
    waiting = [call('quick', {}), call('quick', {})].map(outcome);
  });
  expect(lane.status()).toMatchObject({ threads: { busy: 0, idle: 0 }, queue: { waiting: 2 } });
  expect(() => call('quick', {})).toThrow('No thread is there');
  expect(await Promise.all(waiting)).toEqual(['OVERLOADED', 'OVERLOADED']);
  latch.open(1);
  await expect.poll(() => lane.status().threads).toMatchObject({ idle: 1, leftover: 0 });
  expect(await outcome(call('quick', {}))).toEqual({ ok: true });
});
