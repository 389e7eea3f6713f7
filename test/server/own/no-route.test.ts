// A task that only code may call (`route: false`).
import { afterAll, beforeAll, expect, it } from 'vitest';
import { defineApp } from '#src/app.js';
import { type TestServer, testServer } from '#src/library/testing.js';
import { type TaskFolder, taskFolder } from '../../support/task-folder.js';

let folder: TaskFolder;
let server: TestServer;
beforeAll(async () => {
  folder = taskFolder();
  const source = (fields: string): string =>
    `import { z } from 'zod';\nexport default { input: z.strictObject({ n: z.int() }), ${fields} run: ({ n }) => n * 2 };`;
  folder.write('hidden', source('route: false,'));
  // As a name it would be in the way of the routes of jobs.
  folder.write('jobs', source('route: false,'));
  folder.write('open', source(''));
  server = await testServer({
    tasks: folder.path,
    poolNice: 0,
    app: defineApp(({ app, call }) => {
      app.get('/now', async (req, res) => void res.json(await call('hidden', { n: 2 }, { req })));
      app.get('/later', async (req, res) => {
        const job = await call.later('jobs', { n: 3 }, { req });
        await job.result();
        res.json({ id: job.id });
      });
    }),
  });
});
afterAll(async () => {
  await server?.close();
  folder[Symbol.dispose]();
});

const post = (path: string) =>
  fetch(server.url + path, {
    method: 'POST',
    body: '{"n":1}',
    headers: { 'Content-Type': 'application/json' },
  });

it('it has neither a route nor a place in the API’s description', async () => {
  expect([(await post('/open')).status, (await post('/hidden')).status]).toEqual([200, 404]);
  const { paths }: { paths: object } = JSON.parse(await (await fetch(`${server.url}/openapi.json`)).text());
  expect(Object.keys(paths)).toContain('/open');
  expect(Object.keys(paths)).not.toContain('/hidden');
});

it('the app calls it, and has it as a job, whose result its client may fetch', async () => {
  expect(await (await fetch(`${server.url}/now`)).json()).toBe(4);
  const answer = await fetch(`${server.url}/later`);
  const { id }: { id: string } = JSON.parse(await answer.text());
  expect(await (await fetch(`${server.url}/jobs/${id}/result`)).json()).toBe(6);
  expect(await (await fetch(`${server.url}/jobs/${id}`)).json()).toMatchObject({ task: 'jobs' });
});
