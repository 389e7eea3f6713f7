// What a task may say of its answer's head with `reply`, over HTTP and by `call`.
import { defineTask, reply } from 'millrace';
import { type TestServer, testServer } from 'millrace/testing';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { replyHead } from '#src/tasks/reply-head.js';

describe.each([true, false])('a reply (on threads: %s)', (threads) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer({
      tasks: new URL('../fixtures/contract', import.meta.url),
      threads,
      poolNice: 0,
    });
  });
  afterAll(() => server.close());

  const ask = (how: string, more = '') => fetch(`${server.url}/replies?how=${how}${more}`);

  it('has its own status and headers beside the server’s', async () => {
    const answer = await ask('created');
    expect([answer.status, await answer.json()]).toEqual([201, { id: 7 }]);
    expect(answer.headers.get('location')).toBe('/things/7');
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.headers.get('server-timing')).toContain('run;dur=');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('x-request-id')).not.toBeNull();
  });

  it('has a content type that is known only afterwards', async () => {
    const text = await ask('text');
    expect([text.headers.get('content-type'), await text.text()]).toEqual([
      'text/csv; charset=utf-8',
      'a;b\n',
    ]);
    const bytes = await ask('bytes');
    expect(bytes.headers.get('content-type')).toBe('image/webp');
    expect(bytes.headers.get('cache-control')).toBe('max-age=60');
    expect(new Uint8Array(await bytes.arrayBuffer())).toEqual(Uint8Array.of(1, 2, 3));
    const hal = await ask('hal');
    expect([hal.headers.get('content-type'), await hal.json()]).toEqual(['application/hal+json', { id: 8 }]);
    const long = await ask('long%20text');
    expect([long.headers.get('content-length'), (await long.text()).length]).toEqual(['100000', 100_000]);
  });

  it('without a body has neither type nor length', async () => {
    const answer = await ask('none');
    expect([answer.status, await answer.text()]).toEqual([204, '']);
    expect([answer.headers.get('content-type'), answer.headers.get('content-length')]).toEqual([null, null]);
  });

  it('by call is its body alone', async () => {
    const call = (how: string) => server.call('replies', { how });
    expect(await call('created')).toEqual({ id: 7 });
    expect(await call('hal')).toEqual({ id: 8 });
    expect(await call('text')).toBe('a;b\n');
    expect(await call('long text')).toBe('x'.repeat(100_000));
    expect(await call('none')).toBeUndefined();
    expect(await call('bytes')).toEqual(Uint8Array.of(1, 2, 3));
  });

  it.each([
    ['a body that does not fit the schema', 'unfit', ''],
    ['a body with a 204', 'full%20204', ''],
    ['a status that is none of success', 'status', '&value=302'],
    ['a content type that is none', 'type', '&value=nonsense'],
    ['a length of its own', 'header', '&name=Content-Length&value=1'],
    ['a framing of its own', 'header', '&name=transfer-encoding&value=chunked'],
    ['a permission for other origins', 'header', '&name=Access-Control-Allow-Origin&value=*'],
    ['a line break', 'header', '&value=a%0D%0AX-B%3A%20c'],
    ['a name with a space', 'header', '&name=a%20b'],
  ])('with %s is TASK_FAILED', async (_what, how, more) => {
    const answer = await ask(how, more);
    expect([answer.status, await answer.json()]).toMatchObject([500, { code: 'TASK_FAILED' }]);
  });
});

describe('the head of a reply', () => {
  it('is bounded', () => {
    const headers = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`x-${i}`, 'y'.repeat(90)]));
    expect(() => replyHead({ headers }, 'json')).toThrow('larger than 8192 bytes');
  });

  it('leaves a task’s types as they are', () => {
    const made = defineTask({
      input: z.strictObject({}),
      output: z.strictObject({ id: z.int() }),
      run: () => reply({ id: 1 }, { status: 201 }),
    });
    expectTypeOf(made.output).toEqualTypeOf<z.ZodObject<{ id: z.ZodInt }, z.core.$strict> | undefined>();
  });
});
