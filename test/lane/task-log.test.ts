import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { startLane } from '../support/lane.js';

it('brings a task’s log lines from its thread, with the ids of their request', async () => {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const { call } = await startLane({}, pino({ base: null }, sink));
  await call('misbehave', { how: 'log' }, { requestId: 'req-1', traceId: 'trace-1' }).result;
  // It comes by another port than the answer.
  await expect.poll(() => lines.length).toBe(1);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'hello from a thread', colour: 'blue', task: 'misbehave', requestId: 'req-1', traceId: 'trace-1' },
  ]);
});
