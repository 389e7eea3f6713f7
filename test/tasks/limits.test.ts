// What a task says of the bodies it takes and of its calls' limits, over HTTP and by `call`.
import { type TestServer, testServer } from 'millrace/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { definitionFault } from '#src/tasks/definition.js';
import { createLatch, outcome, startLane } from '../support/lane.js';

const folder = new URL('../fixtures/contract', import.meta.url);

describe.each([true, false])('a task (on threads: %s)', (threads) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer({ tasks: folder, threads, poolNice: 0 });
  });
  afterAll(() => server.close());

  const post = (type: string, body: string) =>
    fetch(`${server.url}/upload`, { method: 'POST', headers: { 'Content-Type': type }, body });

  it.each(['application/octet-stream', 'image/png', 'IMAGE/x-new; q="a b"', 'text/csv; charset=latin1'])(
    'gets the bytes of %s, and hears of the type',
    async (type) => {
      const answer = await post(type, 'abc');
      expect([answer.status, await answer.json()]).toEqual([200, { length: 3, type }]);
    },
  );

  it('takes JSON as its input, and no other type', async () => {
    expect(await (await post('application/json', '{"type":"t"}')).json()).toEqual({
      length: null,
      type: 't',
    });
    for (const type of ['text/plain', 'imagex/png', 'text/csvx', 'application/pdf']) {
      const answer = await post(type, 'abc');
      expect([type, answer.status, await answer.json()]).toMatchObject([
        type,
        415,
        {
          detail:
            'The body must be application/json (UTF-8) or application/octet-stream or image/* or text/csv.',
        },
      ]);
    }
  });

  it('has a smaller body than the server’s', async () => {
    const sized = (type: string, length: number) =>
      post(type, 'x'.repeat(length)).then(({ status }) => status);
    expect([await sized('image/png', 100), await sized('image/png', 101)]).toEqual([200, 413]);
    expect(await sized('application/json', 101)).toBe(413);
  });

  it('runs for less long than the server’s tasks', async () => {
    await expect(server.call('brief', {})).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'The call was stopped at its time limit.',
    });
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(`${server.url}/brief`, { method: 'POST', headers, body: '{}' });
    expect(answer.status).toBe(504);
  });

  it('is described so', async () => {
    const described = await (await fetch(`${server.url}/openapi.json`)).text();
    const { content, description } = JSON.parse(described).paths['/upload'].post.requestBody;
    expect(Object.keys(content)).toEqual([
      'application/json',
      'application/octet-stream',
      'image/*',
      'Text/CSV',
    ]);
    expect(description).toBe('At most 100 bytes.');
  });
});

it('a task’s own wait refuses its calls at arrival, and nobody else’s', async () => {
  const { call } = await startLane({ poolMaxThreads: 1 }, undefined, {
    folders: ['../fixtures/limited', '../fixtures/tasks/latch.js'].map(
      (path) => new URL(path, import.meta.url).pathname,
    ),
  });
  const latch = createLatch();
  // However long it has been held by then, there is much left of it.
  const held = call('latch', { memory: latch.memory, gate: 1, us: 300_000_000 });
  await latch.begun(1);
  const waiting = call('latch', { memory: latch.memory, gate: 1 });
  expect(() => call('hasty', {})).toThrow('More work is waiting than can be done in time');
  latch.open(1);
  expect(await outcome(held)).toMatchObject({ gate: 1 });
  expect(await outcome(waiting)).toMatchObject({ gate: 1 });
  expect(await outcome(call('hasty', {}))).toEqual({});
});

it.each([
  [{ limits: { runMs: 0 } }, /^limits.runMs: /],
  [{ limits: { concurrent: 0.5 } }, /^limits.concurrent: /],
  [{ limits: { runms: 5 } }, /^limits.runms: /],
  [
    { accepts: ['png'], fromBytes: () => ({}) },
    /^accepts.0: must be a media type, or a range such as image\/\*/,
  ],
  [{ accepts: ['image/png'] }, /^accepts needs fromBytes/],
])('a definition with %j is refused', async (more, fault) => {
  const { default: fine } = await import('../fixtures/limited/hasty.js');
  expect(definitionFault({ ...fine, ...more })).toMatch(fault);
  expect(definitionFault(fine)).toBeUndefined();
});
