// What a task that streams sends, over HTTP and by `call`, on threads and on the event loop.
import { defineTask, reply, type ServerEvent, serverEvent, type TaskDefinition } from 'millrace';
import { type TestServer, testServer } from 'millrace/testing';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import type { CallTask } from '#src/app.js';

const folder = new URL('../fixtures/streams', import.meta.url);

describe.each([true, false])('a stream (on threads: %s)', (threads) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer({ tasks: folder, threads, poolNice: 0 });
  });
  afterAll(() => server.close());

  const ask = (how: string, init?: RequestInit) => fetch(`${server.url}/flow?how=${how}`, init);

  async function called(task: string, input: unknown): Promise<unknown[]> {
    const chunks = await server.call(task, input);
    const all: unknown[] = [];
    for await (const chunk of chunks as AsyncIterable<unknown>) all.push(chunk);
    return all;
  }

  it('of objects is a line of JSON for each', async () => {
    const answer = await fetch(`${server.url}/lines?count=3`);
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
    expect(await answer.text()).toBe('{"n":0}\n{"n":1}\n{"n":2}\n');
    expect(await called('lines', { count: 2 })).toEqual([{ n: 0 }, { n: 1 }]);
    expect(await (await ask('objects')).text()).toBe('{"a":1}\n"text"\nnull\n');
    expect(await called('flow', { how: 'objects' })).toEqual([{ a: 1 }, 'text', null]);
  });

  it('of events is what an EventSource reads', async () => {
    const answer = await fetch(`${server.url}/news`);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    expect(answer.headers.get('x-accel-buffering')).toBe('no');
    expect(await answer.text()).toBe(
      'data: two\ndata: lines\n\ndata: {"n":1}\n\nevent: greeting\nid: 7\nretry: 1500\ndata: named\n\n' +
        'data: {"event":"no field"}\n\n: a comment\n\n',
    );
    expect(await called('news', {})).toEqual([
      'two\nlines',
      { n: 1 },
      serverEvent('named', { event: 'greeting', id: '7', retry: 1_500 }),
      serverEvent({ event: 'no field' }),
      new TextEncoder().encode(': a comment\n\n'),
    ]);
  });

  it.each([
    ['text', 'text/plain; charset=utf-8', 'grün 🌱', ['grün ', '', '🌱']],
    [
      'bytes',
      'application/octet-stream',
      '\0\0\0\u0001\u0001\u0001\u0002\u0002\u0002',
      [0, 1, 2].map((n) => Uint8Array.of(n, n, n)),
    ],
    ['nothing', 'application/octet-stream', '', []],
    ['promise', 'text/plain; charset=utf-8', 'ab', ['a', 'b']],
    ['head', 'text/plain', 'late', ['late']],
  ])('%s is %s', async (how, type, text, chunks) => {
    const answer = await ask(how);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
    expect(await answer.text()).toBe(text);
    expect(await called('flow', { how })).toEqual(chunks);
  });

  it('has the headers of other calls', async () => {
    const answer = await ask('text', { headers: { 'X-Request-Id': 'one' } });
    await answer.text();
    const names = ['x-request-id', 'cache-control', 'x-content-type-options', 'content-length'];
    expect(names.map((name) => answer.headers.get(name))).toEqual(['one', 'no-store', 'nosniff', null]);
    const lane = threads ? 'thread' : 'inline';
    expect(answer.headers.get('server-timing')).toMatch(
      new RegExp(`^lane;desc="${lane}", queue;dur=[\\d.]+, run;dur=[\\d.]+$`),
    );
  });

  it('may be in a reply, or begin with one', async () => {
    const within = await ask('reply');
    expect([within.status, within.headers.get('content-type'), within.headers.get('x-own')]).toEqual([
      201,
      'text/csv; charset=utf-8',
      'yes',
    ]);
    expect(await within.text()).toBe('grün 🌱');
    const first = await ask('first');
    expect([first.status, await first.text()]).toEqual([202, 'a;b\nc;d\n']);
    expect(await called('flow', { how: 'first' })).toEqual(['a;b\n', 'c;d\n']);
  });

  it.each(['throwFirst', 'empty204'])('that fails before its first chunk (%s) is a problem', async (how) => {
    const answer = await ask(how);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect([answer.status, await answer.json()]).toMatchObject([500, { code: 'TASK_FAILED' }]);
    await expect(server.call('flow', { how })).rejects.toMatchObject({ code: 'TASK_FAILED' });
  });

  it.each(['throwLater', 'unfit', ...(threads ? ['stray'] : [])])(
    'that fails later (%s) is cut behind what came',
    async (how) => {
      const answer = await ask(how);
      expect(answer.status).toBe(200);
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      expect(await reader?.read()).toMatchObject({ value: expect.stringMatching(/^(begun |a)$/) });
      await expect(reader?.read()).rejects.toThrow('terminated');
      const iterator = ((await server.call('flow', { how })) as AsyncIterable<unknown>)[
        Symbol.asyncIterator
      ]();
      expect(await iterator.next()).toMatchObject({ done: false });
      await expect(iterator.next()).rejects.toMatchObject({ name: 'CallError', code: 'TASK_FAILED' });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    },
  );

  it('checks each chunk by the output schema', async () => {
    await expect(server.call('lines', { count: -1 })).rejects.toMatchObject({ code: 'TASK_FAILED' });
  });

  it('is not run for a HEAD', async () => {
    const answer = await fetch(`${server.url}/lines?count=3`, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
  });

  it('is cancelled by the signal of its call', async () => {
    const stopping = new AbortController();
    const { signal } = stopping;
    const chunks = await server.call('flow', { how: 'waitLater' }, { signal });
    const iterator = (chunks as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 'begun ' });
    const rest = iterator.next();
    stopping.abort(new Error('enough'));
    await expect(rest).rejects.toThrow('enough');
  });

  it('is described by its content type', async () => {
    const described = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
      components: { responses: Record<string, { content: unknown }> };
    };
    const contentOf = (task: string) => described.components.responses[`${task}.answer`]?.content;
    expect(contentOf('lines')).toEqual({
      'application/x-ndjson': { schema: { $ref: '#/components/schemas/lines.output' } },
    });
    expect(contentOf('news')).toEqual({ 'text/event-stream': { schema: { type: 'string' } } });
  });
});

it('the chunks of a call have the types of its definition', () => {
  const input = z.strictObject({ n: z.int() });
  const call = (() => undefined) as unknown as CallTask;
  const text = defineTask({
    input,
    async *run({ n }) {
      yield String(n);
    },
  });
  expectTypeOf(() => call(text, { n: 1 })).returns.resolves.toEqualTypeOf<AsyncIterable<string>>();
  const events = defineTask({
    input,
    output: { contentType: 'text/event-stream' },
    setup: async () => ({ from: 3 }),
    async *run({ n }, { setup, signal }) {
      signal.throwIfAborted();
      yield serverEvent({ n }, { id: String(setup.from) });
      yield String(setup.from);
    },
  });
  expectTypeOf(() => call(events, { n: 1 })).returns.resolves.toEqualTypeOf<
    AsyncIterable<string | ServerEvent<{ n: number }>>
  >();
  const within = defineTask({
    input,
    run: ({ n }) => reply(text.run({ n }, {} as never) as AsyncGenerator<{ n: number }>, { status: 201 }),
  });
  expectTypeOf(() => call(within, { n: 1 })).returns.resolves.toEqualTypeOf<AsyncIterable<{ n: number }>>();
  const first = defineTask({
    input,
    async *run() {
      yield reply('a', { contentType: 'text/csv' });
      yield 'b';
    },
  });
  expectTypeOf(() => call(first, { n: 1 })).returns.resolves.toEqualTypeOf<AsyncIterable<string>>();
  const plain = defineTask({ input, output: z.object({ n: z.int() }), run: ({ n }) => ({ n }) });
  expectTypeOf(() => call(plain, { n: 1 })).returns.resolves.toEqualTypeOf<{ n: number }>();
  const later = defineTask({ input, output: z.array(z.int()), run: async ({ n }) => [n] });
  expectTypeOf(() => call(later, { n: 1 })).returns.resolves.toEqualTypeOf<number[]>();
  const any = defineTask({ input, output: z.object({ n: z.int() }), run: () => JSON.parse('{"n":1}') });
  expectTypeOf(() => call(any, { n: 1 })).returns.resolves.toEqualTypeOf<{ n: number }>();
  const undeclared = defineTask({ input, run: ({ n }) => ({ n }) });
  expectTypeOf(() => call(undeclared, { n: 1 })).returns.resolves.toEqualTypeOf<unknown>();
  expectTypeOf(text).toExtend<TaskDefinition>();
  expectTypeOf(plain).toExtend<TaskDefinition>();
  // What JSON the output schema does not have is no answer.
  // @ts-expect-error
  defineTask({ input, output: z.object({ n: z.int() }), run: () => ({ m: 1 }) });
});
