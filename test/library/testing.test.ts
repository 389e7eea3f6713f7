import { fileURLToPath } from 'node:url';
import { defineApp, defineTask } from 'millrace';
import { testServer } from 'millrace/testing';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const file = new URL('../fixtures/apps/shop/app.js', import.meta.url);

describe('a test server', () => {
  it('serves an app’s file with the tasks beside it', async () => {
    const server = await testServer({ app: file, poolNice: 0 });
    try {
      await request(server.app).get('/shout?text=abc').expect(200, { loud: 'ABC' });
      const answer = await fetch(`${server.url}/users/7`);
      expect(await answer.json()).toEqual({ id: '7', query: {} });
      expect(await server.call('shout', { text: 'x' })).toEqual({ loud: 'X' });
    } finally {
      await server.close();
    }
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it('without threads runs tasks in this process: definitions, deadlines and leavers too', async () => {
    const ranIn: number[] = [];
    const here = defineTask({
      input: z.strictObject({ wait: z.boolean() }),
      output: z.strictObject({ pid: z.int() }),
      async run({ wait }, { signal }) {
        ranIn.push(process.pid);
        if (wait) await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return { pid: process.pid };
      },
    });
    const app = defineApp(({ app, call }) => {
      app.get('/here', async (req, res) => void res.json(await call(here, { wait: false }, { req })));
    });
    const server = await testServer({ app, tasks: here, threads: false });
    try {
      await request(server.app).get('/here').expect(200, { pid: process.pid });
      await expect(server.call(here, { wait: true }, { timeoutMs: 1_000 })).rejects.toMatchObject({
        code: 'DEADLINE_EXCEEDED',
      });
      const name = fileURLToPath(import.meta.url)
        .replace(/^.*\/|\.\w+$/g, '')
        .replaceAll('.', '/');
      const answer = await fetch(`${server.url}/${name}`, {
        method: 'POST',
        body: '{"wait":1}',
        headers: { 'Content-Type': 'application/json' },
      });
      expect([answer.status, ranIn.length]).toEqual([400, 2]);
    } finally {
      await server.close();
    }
  });

  it('takes settings in camel case, and refuses what is none', async () => {
    const server = await testServer({ builtIns: 'on', bodyLimitBytes: 10, threads: false });
    try {
      const answer = await fetch(`${server.url}/io/echo`, { method: 'POST', body: 'x'.repeat(11) });
      expect(answer.status).toBe(413);
    } finally {
      await server.close();
    }
    await expect(testServer({ bodyLimit: 10 } as object)).rejects.toThrow('there is no setting "bodyLimit"');
  });
});
