import { expect, it, onTestFinished } from 'vitest';
import { type AppCall, CallError, defineApp } from '#src/index.js';
import { testServer } from '#src/library/testing.js';
import { createHold, jobTasks, jsonOf } from '../support/jobs.js';

async function start(settings: { jobs?: 'on' | 'off'; threads?: boolean } = {}) {
  let call: AppCall | undefined;
  const app = defineApp((context) => {
    call = context.call;
    context.app.post('/reports', async (req, res) => {
      const job = await context.call.later('blob', { text: 'abc' }, { req, key: 'report' });
      res.status(202).json({ id: job.id });
    });
  });
  const server = await testServer({ app, tasks: jobTasks, poolNice: 0, ...settings });
  onTestFinished(() => server.close());
  if (call === undefined) throw new Error('the app was not set up');
  return { server, call };
}

it('an app makes a job of a call, and gets its result as of a call', async () => {
  const { call, server } = await start();
  const job = await call.later('blob', { data: Uint8Array.of(1, 2, 3) }, { client: 'ann' });
  expect(await job.result()).toMatchObject({ length: 3 });
  expect(await job.result()).toMatchObject({ length: 3 });
  const seen = await jsonOf(await fetch(`${server.url}/jobs/${job.id}`));
  expect(seen).toMatchObject({ state: 'completed', task: 'blob' });
  const bytes = await (await call.later('blob', { bytes: 5 })).result();
  expect(bytes).toEqual(Uint8Array.of(0, 1, 2, 3, 4));
});

it('a job of a request is its client’s, and the same key is the same job', async () => {
  const { server } = await start();
  const ids: string[] = [];
  for (let i = 0; i < 2; i++)
    ids.push((await jsonOf(await fetch(`${server.url}/reports`, { method: 'POST' }))).id);
  expect(ids[0]).toBe(ids[1]);
  const { jobs } = await jsonOf(await fetch(`${server.url}/jobs`));
  expect(jobs).toMatchObject([{ id: ids[0] }]);
});

it('what does not fit is refused, what fails fails as a call does, and a cancelled job has no result', async () => {
  const { call, server } = await start();
  await expect(call.later('blob', { text: 7 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  await expect(call.later('none', {})).rejects.toBeInstanceOf(TypeError);
  const hold = createHold();
  const held = await call.later('held', { folder: hold.folder, name: 'a' });
  await expect.poll(() => hold.begun('a')).toHaveLength(1);
  await fetch(`${server.url}/jobs/${held.id}`, { method: 'DELETE' });
  await expect(held.result()).rejects.toMatchObject({ code: 'GONE' });
  await expect(held.result()).rejects.toBeInstanceOf(CallError);
  const failing = await call.later('poison', { what: 'task', file: `${hold.folder}/runs` });
  await expect(failing.result()).rejects.toMatchObject({ code: 'TASK_FAILED' });
});

it('without jobs it says so; without threads it works', async () => {
  const { call } = await start({ jobs: 'off' });
  await expect(call.later('blob', { text: 'a' })).rejects.toThrow('JOBS is off');
  const inline = await start({ threads: false });
  expect(await (await inline.call.later('blob', { text: 'a' })).result()).toMatchObject({ length: 1 });
});
