import { Writable } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { LaneConfig } from '#src/lane/lane-deps.js';
import { outcome, startLane } from '../support/lane.js';

async function loggingLane(config: Partial<LaneConfig> = {}) {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const { call } = await startLane({ poolMaxThreads: 1, ...config }, pino({ base: null }, sink));
  return { call, lines };
}

it('brings a task’s log lines from its thread, with the ids of their request', async () => {
  const { call, lines } = await loggingLane();
  await call('misbehave', { how: 'log' }, { requestId: 'req-1', traceId: 'trace-1' }).result;
  // It comes by a port, the answer by shared memory.
  await expect.poll(() => lines.length).toBe(1);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'hello from a thread', colour: 'blue', task: 'misbehave', requestId: 'req-1', traceId: 'trace-1' },
  ]);
});

it.each(['leave a rejection', 'leave a timer'])(
  'tells whose error it was that comes when a task does “%s”, and the next call is not harmed',
  async (how) => {
    const { call, lines } = await loggingLane();
    expect(await outcome(call('misbehave', { how }, { requestId: 'req-1' }))).toEqual({ left: true });
    expect(await outcome(call('misbehave', { how: 'answer later' }))).toEqual({ ok: true });
    await expect.poll(() => lines.length).toBe(1);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 50, task: 'misbehave', requestId: 'req-1', err: { type: 'Error', message: 'left behind' } },
    ]);
  },
);

/** Newer Nodes know of a microtask, too, which call it came from. */
const knowsMicrotasks = Number(process.versions.node.split('.')[0]) >= 24;

it('takes an error of unknown origin for that of the call that runs, and the thread goes on', async () => {
  const { call } = await loggingLane();
  expect(await outcome(call('misbehave', { how: 'leave a microtask' }))).toEqual({ left: true });
  expect(await outcome(call('misbehave', { how: 'answer later' }))).toEqual(
    knowsMicrotasks ? { ok: true } : 'TASK_FAILED',
  );
  expect(await outcome(call('misbehave', { how: 'answer later' }))).toEqual({ ok: true });
});

describe.each(['thread', 'inline'])('a line that a task logs on the %s lane', (where) => {
  async function told(line: string): Promise<Record<string, unknown>> {
    const { call, lines } = await loggingLane({ inlineMaxUs: where === 'inline' ? 100_000 : 0 });
    for (let run = 0; run < 25; run++) await call('logger', {}).result;
    const { lane } = await call('logger', { line }, { requestId: 'req-1' }).result;
    expect(lane).toBe(where);
    await expect.poll(() => lines.length).toBe(1);
    return JSON.parse(lines[0] ?? '');
  }

  it('says nothing in the name of the server', async () => {
    const line = await told('forged');
    expect(line).toMatchObject({
      level: 30,
      msg: 'told',
      task: 'logger',
      requestId: 'req-1',
      colour: 'blue',
    });
    expect(line).toMatchObject({ level_: 60, msg_: 'forged', task_: 'hash', requestId_: 'other' });
    for (const name of ['pid', 'process', 'traceId']) expect(line).not.toHaveProperty(name);
  });

  it('is what it was given, whatever that looks like', async () => {
    expect(await told('request')).toMatchObject({ method: 'GET', headers: {}, task: 'logger' });
    expect(await told('text')).toMatchObject({ value: 'a text' });
    expect(await told('list')).toMatchObject({ value: [1, 2] });
    expect(await told('error')).toMatchObject({ reason: { name: 'TypeError', message: 'no' }, count: '10' });
  });

  it('is the same in pino’s order, and of an error alone', async () => {
    const line = await told('pino');
    expect(line).toMatchObject({ msg: 'told', colour: 'blue', err: { type: 'TypeError', message: 'no' } });
    expect(await told('fields')).toMatchObject({ msg: '', colour: 'blue' });
    const stack = expect.stringContaining('logger.js');
    const err = { type: 'RangeError', message: 'no', stack };
    expect(await told('alone')).toMatchObject({ msg: 'no', err: { ...err, code: 'E_NO' } });
    const aggregateErrors = [
      { name: 'Error', type: 'Error', message: 'one' },
      { name: 'TypeError', type: 'TypeError', message: 'two' },
    ];
    const several = await told('several');
    expect(several).toMatchObject({ msg: 'many', err: { type: 'AggregateError', aggregateErrors } });
    // Each of them once.
    expect(several.err).not.toHaveProperty('errors');
    expect(await told('bare')).toMatchObject({ msg: 'no', err: { type: 'TypeError', message: 'no' } });
    expect(await told('second')).toMatchObject({ msg: 'told', err });
    expect(await told('first')).toMatchObject({ msg: 'told', err });
  });

  it('fails no call', async () => {
    expect(await told('trap')).toMatchObject({ msg: 'told', fields: 'cannot be serialised' });
    expect(await told('unreadable')).toMatchObject({ msg: 'a message that cannot be read' });
  });

  it('in a loop is written a hundred times, then ten times a second: how many are missing is told', async () => {
    const { call, lines } = await loggingLane({ inlineMaxUs: where === 'inline' ? 100_000 : 0 });
    for (let run = 0; run < 25; run++) await call('logger', {}).result;
    const { lane } = await call('logger', { loop: 10_000 }, { requestId: 'req-1' }).result;
    expect(lane).toBe(where);
    const all = () => lines.map((line) => JSON.parse(line));
    const last = 'lines that this call logged were dropped';
    await expect.poll(() => all().at(-1)).toMatchObject({ level: 30, msg: last, requestId: 'req-1' });
    const written = all().filter(({ msg }) => msg === 'again');
    expect(written.length).toBeGreaterThanOrEqual(100);
    expect(written.length).toBeLessThan(1_000);
    expect(written.length + all().at(-1).dropped).toBe(10_000);
    expect(all().filter(({ msg }) => String(msg).startsWith('this call logs too much'))).toHaveLength(1);
    // What is of another level is not among them.
    expect(all()).toContainEqual(expect.objectContaining({ level: 50, msg: 'the end of the loop' }));
  });

  it('is bounded', async () => {
    expect(JSON.stringify(await told('huge')).length).toBeLessThan(10_000);
  });
});

it('tells of a task that logs for ever before its thread is ended', async () => {
  const { call, lines } = await loggingLane({ taskTimeoutMs: 3_000 });
  expect(await outcome(call('misbehave', { how: 'log for ever' }, { requestId: 'req-1' }))).toBe(
    'DEADLINE_EXCEEDED',
  );
  expect(await outcome(call('misbehave', { how: 'ok' }))).toEqual({ ok: true });
  const all = lines.map((line) => JSON.parse(line));
  expect(all.filter(({ msg }) => msg === 'again').length).toBeLessThan(1_000);
  expect(all).toContainEqual(
    expect.objectContaining({
      msg: expect.stringMatching(/^this call logs too much/),
      task: 'misbehave',
      requestId: 'req-1',
    }),
  );
});

it('bounds the errors that a task has left behind as well', async () => {
  const { call, lines } = await loggingLane();
  expect(await outcome(call('misbehave', { how: 'leave many errors' }))).toEqual({ left: true });
  const all = () => lines.map((line) => JSON.parse(line));
  await expect.poll(() => all().some(({ msg }) => msg === 'the last of them')).toBe(true);
  const errors = all().filter(({ msg }) => msg === 'an error that a task left behind');
  expect(errors.length).toBeGreaterThanOrEqual(100);
  // Of five hundred.
  expect(errors.length).toBeLessThan(500);
  expect(all().some(({ msg }) => String(msg).startsWith('this call logs too much'))).toBe(true);
});

it('reads nothing that a task posts by a port of its own', async () => {
  const { call, lines } = await loggingLane();
  await call('logger', { post: true }).result;
  await expect.poll(() => lines.length).toBe(1);
  expect(await outcome(call('logger', {}))).toEqual({});
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['the last']);
});

it('tells what a task logged before it took its thread along', async () => {
  const { call, lines } = await loggingLane();
  expect(await outcome(call('misbehave', { how: 'log and exit' }))).toBe('THREAD_LOST');
  expect(lines.map((line) => JSON.parse(line).msg)).toContain('the last words');
});
