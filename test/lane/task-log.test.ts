import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { outcome, startLane } from '../support/lane.js';

async function loggingLane() {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const { call } = await startLane({ poolMaxThreads: 1 }, pino({ base: null }, sink));
  return { call, lines };
}

it('brings a task’s log lines from its thread, with the ids of their request', async () => {
  const { call, lines } = await loggingLane();
  await call('misbehave', { how: 'log' }, { requestId: 'req-1', traceId: 'trace-1' }).result;
  // It comes by another port than the answer.
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
      { level: 50, task: 'misbehave', requestId: 'req-1', err: { message: 'left behind' } },
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
