// Identical calls of a task that says `share`, on threads.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { monotonicMs } from '#src/clock.js';
import type { CallOptions, CallResult } from '#src/lane/call.js';
import { createResultStore } from '#src/lane/kept-results.js';
import { withResolvers } from '#src/lane/with-resolvers.js';
import type { Progress } from '#src/task.js';
import { definitionFault } from '#src/tasks/definition.js';
import { outcome, startLane } from '../support/lane.js';

const folders = [fileURLToPath(new URL('../fixtures/sharing', import.meta.url))];

async function sharingLane() {
  const lane = await startLane({ poolMaxThreads: 2 }, undefined, { folders });
  const folder = mkdtempSync(join(import.meta.dirname, 'shared-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'runs');
  const seen = (name: string): number => (existsSync(name) ? readFileSync(name).length : 0);
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await delay(2);
  }
  return {
    ...lane,
    file,
    gated: (more: object = {}, options?: Partial<CallOptions>) =>
      lane.call('gated', { file, ...more }, options),
    kept: (task: 'keeping' | 'brief', more: object = {}) => lane.call(task, { file, ...more }),
    open: () => writeFileSync(`${file}.open`, ''),
    runs: () => seen(file),
    begun: (count: number) => until(() => seen(file) >= count),
    aborted: () => until(() => seen(`${file}.aborted`) > 0),
  };
}

const ofOutcome = (records: readonly { readonly outcome: string }[], wanted: string) =>
  records.filter((one) => one.outcome === wanted);

it('calls of one input have one run, and each its own record', async () => {
  const { gated, open, begun, lane, records } = await sharingLane();
  const calls = Array.from({ length: 20 }, (_, i) => gated({}, { client: `client ${i}` }));
  await begun(1);
  expect(lane.status().queue.waiting).toBe(0);
  const others = [gated({ seed: 1 }), gated({ seed: { a: 1, b: 2 } }), gated({ seed: { b: 2, a: 1 } })];
  open();
  const results = await Promise.all(calls.map(outcome));
  expect(results).toEqual(results.map(() => ({ runs: expect.any(Number), client: 'client 0' })));
  await Promise.all(others.map(outcome));
  expect(ofOutcome(records, 'completed')).toHaveLength(4);
  expect(ofOutcome(records, 'shared')).toHaveLength(19);
  expect(ofOutcome(records, 'shared')).toEqual(
    Array.from({ length: 19 }, () => ({
      task: 'gated',
      outcome: 'shared',
      lane: 'none',
      queueMs: expect.any(Number),
      runMs: 0,
    })),
  );
  expect(lane.status().tasks.gated).toMatchObject({ completed: 4, shared: 19, thread: 4 });
});

it('whoever leaves goes alone, also the first; the run goes on for the others', async () => {
  const { gated, open, begun, runs, records } = await sharingLane();
  const [first, second, third] = [gated(), gated(), gated()];
  await begun(1);
  first.cancel();
  second.cancel();
  expect([await outcome(first), await outcome(second)]).toEqual(['CallCancelled', 'CallCancelled']);
  open();
  expect(await outcome(third)).toEqual({ runs: 1, client: 'test' });
  expect(runs()).toBe(1);
  expect(ofOutcome(records, 'cancelled')).toHaveLength(2);
});

it('a run that nobody waits for any more is stopped, and a later call has its own', async () => {
  const { gated, open, begun, aborted, runs } = await sharingLane();
  const calls = [gated(), gated()];
  await begun(1);
  const left = Promise.all(calls.map(outcome));
  for (const call of calls) call.cancel();
  expect(await left).toEqual(['CallCancelled', 'CallCancelled']);
  await aborted();
  const later = gated();
  open();
  expect(await outcome(later)).toMatchObject({ runs: 2 });
  expect(runs()).toBe(2);
});

it('a deadline is its caller’s alone', async () => {
  const { gated, open, begun, records } = await sharingLane();
  const hurried = gated({}, { deadlineMs: monotonicMs() + 300 });
  const patient = gated();
  await begun(1);
  expect(await outcome(hurried)).toBe('DEADLINE_EXCEEDED');
  open();
  expect(await outcome(patient)).toEqual({ runs: 1, client: 'test' });
  expect(records.map((one) => one.outcome)).toEqual(['expired', 'shared']);
});

it('a failure is everybody’s, and is not kept', async () => {
  const { gated, open, begun, runs, records } = await sharingLane();
  const calls = [gated({ how: 'throw' }), gated({ how: 'throw' })];
  await begun(1);
  open();
  expect(await Promise.all(calls.map(outcome))).toEqual(['TASK_FAILED', 'TASK_FAILED']);
  expect(await outcome(gated({ how: 'throw' }))).toBe('TASK_FAILED');
  expect(runs()).toBe(2);
  expect(ofOutcome(records, 'failed')).toHaveLength(3);
});

it('each caller has bytes of its own', async () => {
  const { gated, open, begun } = await sharingLane();
  const calls = [gated({ how: 'bytes' }), gated({ how: 'bytes' }), gated({ how: 'bytes' })];
  await begun(1);
  open();
  const bodies = (await Promise.all(calls.map(({ result }) => result))).map(({ body }) => body);
  for (const body of bodies) {
    expect(body).toEqual(new Uint8Array([1, 7, 7]));
    if (typeof body !== 'string') body.fill(0);
  }
  expect(bodies).toHaveLength(3);
});

it('progress is told to all who wait', async () => {
  const { gated, open } = await sharingLane();
  const heard = [0, 1].map(() => withResolvers<Progress>());
  const calls = heard.map(({ resolve }) => gated({}, { onProgress: resolve }));
  expect(await Promise.all(heard.map(({ promise }) => promise))).toEqual([{ done: 0.5 }, { done: 0.5 }]);
  open();
  expect((await Promise.all(calls.map(outcome))).length).toBe(2);
});

it('a task that streams after all fails', async () => {
  const { gated, open, begun } = await sharingLane();
  const calls = [gated({ how: 'stream' }), gated({ how: 'stream' })];
  await begun(1);
  open();
  expect(await Promise.all(calls.map(outcome))).toEqual(['TASK_FAILED', 'TASK_FAILED']);
});

it('jobs share with jobs: a live call waits for none', async () => {
  const { gated, open, begun, runs } = await sharingLane();
  const job = { client: 'job:a', job: { chargedTo: 'a' } };
  const calls = [gated({}, job), gated({}, job), gated(), gated()];
  await begun(2);
  open();
  await Promise.all(calls.map(outcome));
  expect(runs()).toBe(2);
});

it('results that are kept are there at once, each with bytes of its own', async () => {
  const { kept, open, runs, records } = await sharingLane();
  open();
  expect(await outcome(kept('keeping', { how: 'bytes' }))).toEqual(new Uint8Array([1, 7, 7]));
  const { ready } = kept('keeping', { how: 'bytes' });
  expect(ready).toMatchObject({ lane: 'shared', queueMs: 0, runMs: 0, body: new Uint8Array([1, 7, 7]) });
  if (typeof ready?.body === 'object') ready.body.fill(0);
  expect(await outcome(kept('keeping', { how: 'bytes' }))).toEqual(new Uint8Array([1, 7, 7]));
  expect(runs()).toBe(1);
  expect(records.map((one) => one.outcome)).toEqual(['completed', 'shared', 'shared']);
});

it('and a job’s is there for calls, too', async () => {
  const { call, file, open, runs } = await sharingLane();
  open();
  const job = { client: 'job:a', job: { chargedTo: 'a' } };
  await outcome(call('keeping', { file }, job));
  expect(call('keeping', { file }).ready).toMatchObject({ lane: 'shared' });
  expect(runs()).toBe(1);
});

it('and no longer than is said', async () => {
  const { kept, open, runs } = await sharingLane();
  open();
  await outcome(kept('brief'));
  await delay(5);
  await outcome(kept('brief'));
  expect(runs()).toBe(2);
});

it('what is kept stays within its size: the oldest go first, and what is larger is not kept', () => {
  const result = (length: number): CallResult => ({
    lane: 'thread',
    contentType: 'a/b',
    body: 'x'.repeat(length),
    queueMs: 0,
    runMs: 1,
  });
  const store = createResultStore({ ttlMs: 60_000, maxBytes: 4_000 });
  for (const key of ['a', 'b', 'c']) store.keep(key, result(900));
  const there = () => ['a', 'b', 'c', 'd', 'e'].filter((key) => store.get(key) !== undefined);
  expect(there()).toEqual(['a', 'b', 'c']);
  store.keep('d', result(1_700));
  expect(there()).toEqual(['c', 'd']);
  store.keep('e', result(4_000));
  expect(there()).toEqual(['c', 'd']);
  store.keep('c', result(1_000));
  expect(there()).toEqual(['c', 'd']);
});

it.each([
  [{ share: true, run: async function* () {} }, /^share: a stream has one reader/],
  [{ share: true, inline: true }, /^share and inline: a call that runs inline/],
  [{ share: { ttlMs: 0, maxBytes: 1 } }, /^share/],
  [{ share: { ttlMs: 1 } }, /^share/],
  [{ share: { ttlMs: 1, maxBytes: 1, cacheControl: 'a\r\nb' } }, /^share/],
])('a definition with %j is refused', (more, fault) => {
  const fine = { input: z.strictObject({}), share: true, run: () => 1 };
  expect(definitionFault(fine)).toBeUndefined();
  expect(definitionFault({ ...fine, ...more })).toMatch(fault);
});
