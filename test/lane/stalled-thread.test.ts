import { describe, expect, it } from 'vitest';
import { outcome, startLane } from '../support/lane.js';

describe('a thread that is held by what a call left behind', () => {
  it('is ended, and the call that it was sent next runs on another one', async () => {
    const { call } = await startLane({ poolMaxThreads: 1, taskTimeoutMs: 1_000 });
    expect(await outcome(call('spin', {}))).toEqual({});
    expect(await outcome(call('misbehave', { how: 'ok' }))).toEqual({ ok: true });
  });

  it('is ended too where nobody waits for that call any more', async () => {
    const { call } = await startLane({ poolMaxThreads: 1, taskTimeoutMs: 1_000 });
    expect(await outcome(call('spin', {}))).toEqual({});
    const left = call('misbehave', { how: 'ok' });
    left.cancel();
    expect(await outcome(left)).toBe('CallCancelled');
    expect(await outcome(call('misbehave', { how: 'ok' }))).toEqual({ ok: true });
  });
});
