// A call that streams on the thread lane: no further than its reader, ended with its caller, and never ended in silence.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { monotonicMs } from '#src/clock.js';
import type { Call, CallOptions, StreamChunk } from '#src/lane/call.js';
import type { LaneConfig } from '#src/lane/lane-deps.js';
import { outcome, startLane, type TestLane } from '../support/lane.js';

const folders = [fileURLToPath(new URL('../fixtures/streams', import.meta.url))];
const chunkBytes = 16_384;
/** In a thread's window, and those whose taking is not told yet. */
const mostAhead = 262_144 / chunkBytes + 8;

const startStreams = (config: Partial<LaneConfig> = {}): Promise<TestLane> =>
  startLane({ poolMaxThreads: 1, ...config }, undefined, { folders });

function drops({ call }: TestLane, count: number, options?: Partial<CallOptions>) {
  const memory = new SharedArrayBuffer(8);
  const ints = new Int32Array(memory);
  return {
    call: call('flow', { how: 'drops', count, memory }, options),
    get produced() {
      return Atomics.load(ints, 0);
    },
    /** Its `finally` has run. */
    get isOver() {
      return Atomics.load(ints, 1) === 1;
    },
    async over(): Promise<void> {
      while (Atomics.load(ints, 1) === 0) await Atomics.waitAsync(ints, 1, 0, 20).value;
    },
  };
}

async function chunksOf(call: Call): Promise<AsyncIterator<StreamChunk>> {
  const { stream } = await call.result;
  if (stream === undefined) throw new Error('it does not stream');
  return stream[Symbol.asyncIterator]();
}

it('a stream is never further ahead of its reader than its window', async () => {
  const lane = await startStreams();
  const made = drops(lane, 500);
  const chunks = await chunksOf(made.call);
  for (let read = 0; read < 500; read++) {
    expect(made.produced - read).toBeLessThanOrEqual(mostAhead + 1);
    expect(await chunks.next()).toMatchObject({ done: false });
  }
  expect(await chunks.next()).toEqual({ value: undefined, done: true });
  expect(lane.records).toMatchObject([{ task: 'flow', outcome: 'completed', lane: 'thread' }]);
});

it('a reader that leaves ends the generator, and the thread goes on', async () => {
  const lane = await startStreams({ cancelGraceMs: 10_000 });
  const made = drops(lane, 1_000_000);
  const chunks = await chunksOf(made.call);
  await chunks.next();
  await chunks.return?.();
  expect(lane.records).toMatchObject([{ task: 'flow', outcome: 'cancelled', lane: 'thread' }]);
  await made.over();
  expect(await outcome(lane.call('flow', { how: 'throwFirst' }))).toBe('TASK_FAILED');
  expect(lane.lane.status().threads).toMatchObject({ leftover: 0, max: 1 });
  expect(await chunks.next()).toEqual({ value: undefined, done: true });
});

it('a call that is cancelled, or late, is cut at once, whatever its reader has not read', async () => {
  const lane = await startStreams();
  const late = drops(lane, 1_000_000, { deadlineMs: monotonicMs() + 5_000 });
  const { stream } = await late.call.result;
  await stream?.ended;
  expect(stream?.cut.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  await expect(stream?.[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  await late.over();

  const left = drops(lane, 1_000_000);
  const chunks = await chunksOf(left.call);
  left.call.cancel();
  await expect(chunks.next()).rejects.toMatchObject({ name: 'CallCancelled' });
  await left.over();
  expect(lane.records.map((record) => record.outcome)).toEqual(['expired', 'cancelled']);
});

it('the deadline of a task of its own counts from its start to its end', async () => {
  const lane = await startStreams({ taskTimeoutMs: 5_000 });
  const before = lane.call('flow', { how: 'wait' });
  await expect(before.result).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  const chunks = await chunksOf(lane.call('flow', { how: 'waitLater' }));
  await chunks.next();
  await expect(chunks.next()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
});

it.each(['exit', 'fill'])('a thread that dies under it (%s) is told behind what came', async (how) => {
  const lane = await startStreams({ poolMaxHeapMb: 32 });
  const chunks = await chunksOf(lane.call('flow', { how }));
  expect(Buffer.from((await chunks.next()).value?.bytes).toString()).toBe('begun ');
  await expect(chunks.next()).rejects.toMatchObject({ code: 'THREAD_LOST' });
  expect(lane.records).toMatchObject([{ outcome: 'failed', lane: 'thread' }]);
});

it('holds its thread until its end, and others wait', async () => {
  const lane = await startStreams();
  const made = drops(lane, 100);
  const chunks = await chunksOf(made.call);
  const other = lane.call('flow', { how: 'throwFirst' });
  expect(lane.lane.status()).toMatchObject({ threads: { busy: 1 }, queue: { waiting: 1 } });
  for (let read = 0; read < 100; read++) await chunks.next();
  expect((await chunks.next()).done).toBe(true);
  expect(await outcome(other)).toBe('TASK_FAILED');
  expect(made.isOver).toBe(true);
});

it('a lane that closes cuts it', async () => {
  const lane = await startStreams();
  const chunks = await chunksOf(lane.call('flow', { how: 'waitLater' }));
  await chunks.next();
  const rest = chunks.next();
  const closed = lane.lane.close();
  await expect(rest).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  expect(await closed).toMatchObject({ cut: 1 });
});
