import { expect, it } from 'vitest';
import { listeningLog } from '../support/app.js';
import { outcome, startLane } from '../support/lane.js';

it('a thread that is held by what a call left behind is ended, whether or not somebody waits for the call behind it', async () => {
  const { log, lines } = listeningLog();
  let stalled = 0;
  const onStalled = () => void stalled++;
  const lanes = [1, 2].map(() => startLane({ poolMaxThreads: 1, taskTimeoutMs: 1_000 }, log, { onStalled }));
  const [waiting, leaving] = await Promise.all(lanes);
  if (waiting === undefined || leaving === undefined) throw new Error('there are two');
  for (const { call } of [waiting, leaving]) expect(await outcome(call('spin', {}))).toEqual({});
  const waits = waiting.call('misbehave', { how: 'ok' });
  const left = leaving.call('misbehave', { how: 'ok' });
  left.cancel();
  expect(await outcome(left)).toBe('CallCancelled');
  const next = leaving.call('misbehave', { how: 'ok' });
  expect(await outcome(waits)).toEqual({ ok: true });
  expect(await outcome(next)).toEqual({ ok: true });
  expect(lines.filter(({ msg }) => String(msg).startsWith('a thread begins no call'))).toHaveLength(2);
  expect(stalled).toBe(2);
});
