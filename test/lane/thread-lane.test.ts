import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { monotonicMs } from '#src/clock.js';
import { createLatch, outcome, startLane } from '../support/lane.js';

describe('the thread lane', () => {
  it('answers with what the task returned, and says where and how long it ran', async () => {
    const { call, records } = await startLane();
    const result = await call('misbehave', { how: 'ok' }).result;
    expect(result).toMatchObject({ lane: 'thread', contentType: 'application/json; charset=utf-8' });
    expect(result.body).toBe('{"ok":true}');
    expect(result.runMs).toBeGreaterThanOrEqual(0);
    expect(records).toMatchObject([{ task: 'misbehave', outcome: 'completed', lane: 'thread' }]);
  });

  it.each([
    ['throw error', 'TASK_FAILED'],
    ['throw null', 'TASK_FAILED'],
    ['throw string', 'TASK_FAILED'],
    ['throw trap', 'TASK_FAILED'],
    ['reject', 'TASK_FAILED'],
    ['throw later', 'TASK_FAILED'],
    ['function', 'TASK_FAILED'],
    ['undefined', 'TASK_FAILED'],
    ['bigint', 'TASK_FAILED'],
    ['nan', 'TASK_FAILED'],
    ['map', 'TASK_FAILED'],
    ['no json', 'TASK_FAILED'],
    ['json of nan', 'TASK_FAILED'],
    ['symbol', 'TASK_FAILED'],
    ['circular', 'TASK_FAILED'],
    ['stack', 'TASK_FAILED'],
    ['exit', 'THREAD_LOST'],
    ['heap', 'THREAD_LOST'],
    ['something else', 'INVALID_INPUT'],
  ])('gives the caller of a task that does “%s” %s, and a neighbour nothing', async (how, code) => {
    const latch = createLatch();
    const { call } = await startLane();
    const neighbour = call('latch', { memory: latch.memory, gate: 1 });
    await latch.begun(1);
    expect(await outcome(call('misbehave', { how }))).toBe(code);
    expect(await outcome(call('misbehave', { how: 'ok' }))).toEqual({ ok: true });
    latch.open(1);
    expect(await outcome(neighbour)).toMatchObject({ gate: 1 });
  });

  it('never shows what a task threw, but keeps it as the cause', async () => {
    const { call } = await startLane();
    const error = await call('misbehave', { how: 'throw error' }).result.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: 'The task failed.',
      cause: { name: 'Error', message: 'inner secret', cause: { message: 'the cause' } },
    });
  });

  it('lets exactly as many in as threads and queue hold, and refuses the others at once', async () => {
    const latch = createLatch();
    const { call, lane } = await startLane({ poolMaxQueue: 100, poolMaxThreads: 2 });
    const calls = [];
    let refused = 0;
    for (let i = 0; i < 10_000; i++) {
      try {
        calls.push(call('latch', { memory: latch.memory, gate: 1 }, { deadlineMs: Number.MAX_SAFE_INTEGER }));
      } catch (error) {
        expect(error).toMatchObject({ code: 'OVERLOADED' });
        refused++;
      }
    }
    expect(calls.length).toBe(102);
    expect(refused).toBe(9_898);
    await latch.begun(2);
    expect(lane.status()).toMatchObject({
      threads: { busy: 2, idle: 0, max: 2 },
      queue: { waiting: 100, limit: 100 },
      tasks: { latch: { refused: 9_898 } },
    });
    latch.open(1);
    expect(await Promise.all(calls.map(outcome))).toHaveLength(102);
    expect(latch.count()).toBe(102);
  });

  it('never runs a call that was cancelled while it waited', async () => {
    const latch = createLatch();
    const { call, lane } = await startLane({ poolMaxThreads: 1 });
    const first = call('latch', { memory: latch.memory, gate: 1 });
    await latch.begun(1);
    const waiting = call('quick', { us: 1, memory: latch.memory });
    waiting.cancel();
    expect(await outcome(waiting)).toBe('CallCancelled');
    expect(lane.status().queue.waiting).toBe(0);
    latch.open(1);
    await first.result;
    await call('misbehave', { how: 'ok' }).result;
    expect(latch.count()).toBe(1);
    expect(lane.status().tasks.quick).toMatchObject({ cancelled: 1, thread: 0 });
  });

  it('drops a call whose deadline passes while it waits, without running it', async () => {
    const latch = createLatch();
    const { call, records } = await startLane({ poolMaxThreads: 1 });
    const first = call('latch', { memory: latch.memory, gate: 1 });
    await latch.begun(1);
    const waiting = call('quick', { us: 1, memory: latch.memory }, { deadlineMs: monotonicMs() + 30 });
    expect(await outcome(waiting)).toBe('DEADLINE_EXCEEDED');
    expect(records).toMatchObject([{ task: 'quick', outcome: 'expired', lane: 'none' }]);
    latch.open(1);
    await first.result;
    expect(latch.count()).toBe(1);
  });

  it('answers a running call at its deadline, asks it to stop, and keeps the thread that obeys', async () => {
    const latch = createLatch();
    const { call, lane } = await startLane({ poolMaxThreads: 1, cancelGraceMs: 10_000 });
    const politely = call(
      'misbehave',
      { how: 'spin politely', memory: latch.memory },
      { deadlineMs: monotonicMs() + 5_000 },
    );
    expect(await outcome(politely)).toBe('DEADLINE_EXCEEDED');
    expect(await outcome(call('misbehave', { how: 'ok' }))).toEqual({ ok: true });
    expect([latch.count(0), latch.count(1)]).toEqual([1, 1]);
    expect(lane.status().tasks.misbehave).toMatchObject({ expired: 1, completed: 1, thread: 2 });
  });

  it('fires the signal of a task that waits for it', async () => {
    const latch = createLatch();
    const { call } = await startLane({ poolMaxThreads: 1, cancelGraceMs: 10_000 });
    const waits = call('misbehave', { how: 'wait for abort', memory: latch.memory });
    await latch.begun(1);
    waits.cancel();
    expect(await outcome(waits)).toBe('CallCancelled');
    expect(await outcome(call('misbehave', { how: 'ok' }))).toEqual({ ok: true });
    expect(latch.count(1)).toBe(1);
  });

  it('ends the thread of a call that does not stop, and counts it free only when it is gone', async () => {
    const latch = createLatch();
    const { call, lane } = await startLane({ poolMaxThreads: 1 });
    const spinning = call('misbehave', { how: 'spin', memory: latch.memory });
    await latch.begun(1);
    spinning.cancel();
    await outcome(spinning);
    expect(lane.status().threads).toMatchObject({ busy: 1, idle: 0, max: 1 });
    expect(await outcome(call('misbehave', { how: 'ok' }))).toEqual({ ok: true });
  });

  it('sends nothing to a thread that is being ended, also where its answer comes just then', async () => {
    const latch = createLatch();
    const { call } = await startLane({ poolMaxThreads: 1, cancelGraceMs: 10 });
    const politely = call('misbehave', { how: 'spin politely', memory: latch.memory });
    await latch.begun(1);
    // Would be moved, and lost, if it went to that thread.
    const next = call('sum', { data: new Uint8Array(20_000) });
    // Held here until both the answer and the end of the grace are due, the loop sees to its timers first.
    await setImmediate();
    politely.cancel();
    while (latch.count(1) === 0);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
    expect(await outcome(politely)).toBe('CallCancelled');
    expect(await outcome(next)).toEqual(new Uint8Array(20_000));
  });

  it('does not let others wait for what a cancelled call would still have run', async () => {
    const latch = createLatch();
    const { call } = await startLane({ poolMaxThreads: 1, queueMaxWaitMs: 5_000 });
    const long = call('quick', { us: 60_000_000, memory: latch.memory });
    await latch.begun(1);
    expect(() => call('misbehave', { how: 'ok' })).toThrow('wait');
    long.cancel();
    await outcome(long);
    expect(await outcome(call('misbehave', { how: 'ok' }))).toEqual({ ok: true });
  });

  it('limits the run of a call by the task timeout, from its start', async () => {
    const { call } = await startLane({ poolMaxThreads: 1, taskTimeoutMs: 50 });
    expect(await outcome(call('misbehave', { how: 'spin' }))).toBe('DEADLINE_EXCEEDED');
  });

  it.each([
    ['{"numbers":[1,2,3]}', { sum: 6 }],
    ['{"numbers":[1,2,"3"]}', 'INVALID_INPUT'],
    ['{"numbers":[1,2],"numbers":[3]}', 'INVALID_INPUT'],
    ['{"numbers":[1,2', 'MALFORMED_BODY'],
    [`{"numbers":${'['.repeat(100)}${']'.repeat(100)}}`, 'MALFORMED_BODY'],
    [Uint8Array.of(0x22, 0xff, 0x22), 'MALFORMED_BODY'],
  ])('parses and validates the unparsed body %s in the thread', async (body, expected) => {
    const { lane, task } = await startLane();
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    expect(await outcome(lane.call(task('sum'), { type: 'json', bytes }, { client: 'test' }))).toEqual(
      expected,
    );
  });

  it('counts what it takes to parse and validate there, also where that fails', async () => {
    const { lane, task, records } = await startLane();
    const long = `{"numbers":[${'1234,'.repeat(400_000)}`;
    for (const end of ['"1"]}', '1]}']) {
      const bytes = new TextEncoder().encode(long + end);
      await outcome(lane.call(task('sum'), { type: 'json', bytes }, { client: 'test' }));
    }
    expect(records.map(({ outcome }) => outcome)).toEqual(['refused', 'completed']);
    // 2 MB: no machine reads these in less.
    for (const { runMs } of records) expect(runMs).toBeGreaterThan(1);
  });

  it('moves large bytes to the thread and gets bytes back', async () => {
    const { call } = await startLane();
    const data = new Uint8Array(100_000).fill(7);
    const result = await call('sum', { data }).result;
    expect(data.byteLength).toBe(0);
    expect(result.contentType).toBe('application/x-test');
    expect(result.body).toEqual(new Uint8Array(100_000).fill(7));
  });

  it('moves bytes that stand in two fields once', async () => {
    const { call } = await startLane();
    const data = new Uint8Array(20_000);
    expect(await outcome(call('misbehave', { how: 'ok', data, same: data }))).toEqual({ ok: true });
  });

  it('encodes a long text in the thread', async () => {
    const { call } = await startLane();
    const text = '…ü\u{1f980}'.repeat(20_000);
    const { body, contentType } = await call('misbehave', { how: 'echo', text }).result;
    expect(contentType).toBe('application/json; charset=utf-8');
    if (typeof body === 'string') throw new TypeError('it came as a text');
    expect(JSON.parse(new TextDecoder().decode(body.slice()))).toEqual({ text });
    const { body: short } = await call('misbehave', { how: 'echo', text: 'ü' }).result;
    expect(short).toBe('{"text":"ü"}');
  });

  it('answers what is open with SHUTTING_DOWN when it is closed, and takes nothing more', async () => {
    const latch = createLatch();
    const { call, lane } = await startLane({ poolMaxThreads: 1 });
    const running = outcome(call('latch', { memory: latch.memory, gate: 1 }));
    await latch.begun(1);
    const waiting = outcome(call('misbehave', { how: 'ok' }));
    const closed = lane.close();
    expect(await running).toBe('SHUTTING_DOWN');
    expect(await waiting).toBe('SHUTTING_DOWN');
    expect(() => call('misbehave', { how: 'ok' })).toThrow(
      expect.objectContaining({ code: 'SHUTTING_DOWN' }),
    );
    latch.open(1);
    expect(await closed).toMatchObject({ cut: 2 });
  });
});
