// What a thread loads, and when.
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createLogger } from '#src/log.js';
import { createLatch, outcome, startLane } from '../support/lane.js';

const lean = fileURLToPath(new URL('../fixtures/lean', import.meta.url));

const startLean = (poolMaxThreads: number) =>
  startLane({ poolMaxThreads }, createLogger('silent', {}), { folders: [lean] });

describe('a thread', () => {
  it('loads all tasks where it is the first, so that the boot shows what no thread can load', async () => {
    const { call } = await startLean(1);
    expect(await outcome(call('other', {}))).toEqual({ loaded: ['apart-run', 'latch', 'other'] });
  });

  it('loads what has been asked for where it comes later, and another task when it is asked for', async () => {
    const { call } = await startLean(2);
    const [first, second] = [createLatch(), createLatch()];
    const busy = call('latch', { memory: first.memory, gate: 1 });
    await first.begun(1);
    const later = call('latch', { memory: second.memory, gate: 1 });
    await second.begun(1);
    second.open(1);
    expect(await outcome(later)).toEqual({ loaded: ['latch'] });
    expect(await outcome(call('other', {}))).toEqual({ loaded: ['latch', 'other'] });
    first.open(1);
    expect(await outcome(busy)).toMatchObject({ loaded: ['apart-run', 'latch', 'other'] });
  });
});

describe('a task with its work in a file of its own', () => {
  it('is set up and run by that file alone', async () => {
    const { call } = await startLean(1);
    expect(await outcome(call('apart', { as: 'json' }))).toMatchObject({
      loaded: expect.not.arrayContaining(['apart']),
      from: 'setup',
    });
  });

  it('answers bytes as its output declares them', async () => {
    const { call } = await startLean(1);
    expect(await call('apart', { as: 'bytes' }).result).toMatchObject({ contentType: 'image/png' });
  });

  it('has its schema loaded where a body is still to be read', async () => {
    const { lane, task } = await startLean(1);
    const ask = (type: 'json' | 'check', body: string) =>
      outcome(lane.call(task('apart'), { type, bytes: Buffer.from(body) }, { client: 'test' }));
    expect(await ask('check', '{"as":"neither"}')).toBe('INVALID_INPUT');
    expect(await ask('json', '{"as":"neither"}')).toBe('INVALID_INPUT');
    expect(await ask('json', '{}')).toMatchObject({
      loaded: expect.arrayContaining(['apart']),
      from: 'setup',
    });
  });
});
