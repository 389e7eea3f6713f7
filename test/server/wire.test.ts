import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Lane } from '#src/lane/call.js';
import { ioApp, listeningLog, type TaskApp, taskApps, testConfig } from '../support/app.js';
import { startHttpServer } from '../support/http-server.js';
import { RawClient } from '../support/raw-client.js';
import { dial, head, listen } from '../support/wire.js';

let apps: TaskApp;
beforeAll(async () => {
  apps = await taskApps({ BODY_LIMIT_BYTES: '1000' });
});
afterAll(() => apps.lane.close());

const json = 'Content-Type: application/json';

describe('an expectation', () => {
  it('of 100-continue is met right before the body is read', async () => {
    const wire = dial(await listen(apps.app()));
    wire.send(head('POST /shape', json, 'Content-Length: 28', 'Expect: 100-continue'));
    expect(await wire.received('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    wire.send('{"operation":"double","n":2}');
    expect(await wire.received('{"result"')).toMatch(/\r\n\r\nHTTP\/1.1 200 OK\r\n/);
  });

  it.each([
    ['POST /nothing', 404, [json, 'Content-Length: 2']],
    ['PUT /shape', 405, [json, 'Content-Length: 2']],
    ['POST /shape', 413, [json, 'Content-Length: 1001']],
    ['POST /io/echo', 413, [json, 'Content-Length: 1001']],
    ['POST /shape', 415, ['Content-Type: text/plain', 'Content-Length: 2']],
    ['POST /shape?x=1', 400, [json, 'Content-Length: 2']],
    ['POST /shape', 400, [json, 'Content-Length: 2', 'Request-Timeout: soon']],
  ])('of 100-continue is not met where %s is %d anyway', async (start, status, headers) => {
    const wire = dial(await listen(apps.app()));
    wire.send(head(start, ...headers, 'Expect: 100-continue'));
    const text = await wire.received('"requestId"');
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toMatch(/^connection: close\r$/im);
    wire.socket.end();
    await wire.ended();
  });

  it('of anything else is EXPECTATION_FAILED, before the body’s faults', async () => {
    const wire = dial(await listen(apps.app()));
    wire.send(head('POST /shape', 'Content-Length: 100000', 'Expect: a-miracle'));
    const text = await wire.received('EXPECTATION_FAILED');
    expect(text).toMatch(/^HTTP\/1.1 417 /);
  });

  it('of anything else is EXPECTATION_FAILED for OPTIONS, too', async () => {
    const wire = dial(await listen(apps.app()));
    wire.send(head('OPTIONS /shape', 'Expect: a-miracle'));
    expect(await wire.received('EXPECTATION_FAILED')).toMatch(/^HTTP\/1.1 417 /);
  });
});

describe('a body beyond its limit', () => {
  it('is refused by its announced length before it is sent', async () => {
    const wire = dial(await listen(ioApp({ config: testConfig({ BODY_LIMIT_BYTES: '1000' }) })));
    wire.send(head('POST /io/echo', 'Content-Length: 1001'));
    expect(await wire.received('BODY_TOO_LARGE')).toMatch(/^HTTP\/1.1 413 .*^Connection: close\r$/ms);
  });

  it.each([
    ['by its length', ['Content-Length: 1001'], ''],
    ['by its length, before it is asked for', ['Content-Length: 1001', 'Expect: 100-continue'], ''],
    ['as it streams', ['Transfer-Encoding: chunked'], `3e9\r\n${'x'.repeat(1_001)}`],
  ])('%s ends the connection at once: nobody waits who has his answer', async (_name, headers, body) => {
    const { log, lines } = listeningLog();
    const config = testConfig({ BODY_LIMIT_BYTES: '1000', ACCESS_LOG: 'all' });
    const server = await startHttpServer({ handler: ioApp({ config, log }) });
    const client = await RawClient.connect(server.port);
    try {
      const startedMs = performance.now();
      client.send(head('POST /io/echo', ...headers) + body);
      const answer = await client.answer();
      expect(answer.status).toBe(413);
      expect(answer.headers.get('connection')).toBe('close');
      await client.closed();
      // By the limits of requests it would take 30 s.
      expect(performance.now() - startedMs).toBeLessThan(15_000);
      expect(lines).toMatchObject([{ status: 413 }]);
    } finally {
      client.destroy();
      await server.close();
    }
  });

  it.each(['GET /', 'HEAD /', 'OPTIONS /', 'OPTIONS /shape', 'GET /livez', 'GET /openapi.json'])(
    'is refused by its announced length where nobody would read it: %s',
    async (start) => {
      const config = testConfig({ BODY_LIMIT_BYTES: '1000' });
      const wire = dial(await listen(apps.app({ config })));
      wire.send(head(start, 'Content-Length: 1001'));
      expect(await wire.ended()).toMatch(/^HTTP\/1.1 413 .*^Connection: close\r$/ms);
    },
  );

  it('does not hold up a stop either', async () => {
    const config = testConfig({ BODY_LIMIT_BYTES: '1000' });
    const server = await startHttpServer({ handler: ioApp({ config }) });
    const client = await RawClient.connect(server.port);
    client.send(head('POST /io/echo', 'Content-Length: 1001'));
    expect((await client.answer()).status).toBe(413);
    const startedMs = performance.now();
    expect(await server.drain.close('stop', 120_000)).toMatchObject({ cut: 0 });
    expect(performance.now() - startedMs).toBeLessThan(60_000);
    client.destroy();
  });

  it('is refused as it streams, and the answer reaches a client that reads only after it has sent all', async () => {
    const { http } = await startHttpServer({
      handler: ioApp({ config: testConfig({ BODY_LIMIT_BYTES: '1000' }) }),
    });
    onTestFinished(http.dispose);
    const wire = dial(http.server);
    wire.socket.pause();
    wire.send(head('POST /io/echo', 'Transfer-Encoding: chunked'));
    const chunk = Buffer.alloc(65_536, 'x');
    for (let i = 0; i < 200; i++) {
      wire.send('10000\r\n', chunk);
      if (!wire.socket.write('\r\n')) await once(wire.socket, 'drain');
    }
    wire.send('0\r\n\r\n');
    wire.socket.resume();
    expect(await wire.ended()).toMatch(/^HTTP\/1.1 413 .*BODY_TOO_LARGE/s);
  });

  it('of exactly the limit is taken, in chunks of one byte too', async () => {
    const wire = dial(await listen(ioApp({ config: testConfig({ BODY_LIMIT_BYTES: '1000' }) })));
    wire.send(head('POST /io/echo', 'Transfer-Encoding: chunked'), '1\r\nx\r\n'.repeat(1_000), '0\r\n\r\n');
    expect(await wire.received('x'.repeat(1_000))).toMatch(/^content-length: 1000\r$/im);
  });
});

describe('a connection', () => {
  it('is kept after a refusal of a short body, and the next request is not confused', async () => {
    const wire = dial(await listen(apps.app()));
    wire.send(head('POST /shape', 'Content-Type: text/plain', 'Content-Length: 5'), 'GET /');
    await wire.received('UNSUPPORTED_MEDIA_TYPE');
    wire.send(head('GET /'));
    await wire.received('hello from server');
  });

  it('is kept after a GET with a body', async () => {
    const wire = dial(await listen(ioApp()));
    wire.send(head('GET /', 'Content-Length: 5'), 'GET /', head('GET /livez'));
    const text = await wire.received('{"status":"ok"}');
    expect(text).toContain('hello from server');
  });
});

describe('a client that leaves', () => {
  it('cancels its running call, also behind others in its connection', async () => {
    const events = new EventEmitter();
    const called = once(events, 'second call');
    const gone = once(events, 'gone');
    const lane: Lane = {
      ...apps.lane,
      call(...args) {
        const call = apps.lane.call(...args);
        if (args[2].requestId === 'second') events.emit('second call');
        return call;
      },
    };
    const left: unknown[] = [];
    const { log, lines } = listeningLog();
    const app = apps.app({
      lane,
      log,
      onAnswer(method, route, status) {
        left.push([method, route, status]);
        events.emit('gone');
      },
    });
    const before = apps.lane.status().tasks.fail?.cancelled ?? 0;
    const wire = dial(await listen(app));
    const post = (id: string) =>
      `${head('POST /fail', json, 'Content-Length: 17', `X-Request-Id: ${id}`)}{"how":"endless"}`;
    wire.send(post('first'), post('second'));
    await called;
    wire.socket.destroy();
    await gone;
    await expect.poll(() => apps.lane.status().tasks.fail?.cancelled).toBe(before + 2);
    expect(left[0]).toEqual(['POST', '/fail', 499]);
    expect(lines).toEqual([]);
  });

  it('by ending its side only cancels its running call as well, and gets what stands in front of it', async () => {
    const events = new EventEmitter();
    const called = once(events, 'called');
    const lane: Lane = {
      ...apps.lane,
      call(...args) {
        const call = apps.lane.call(...args);
        events.emit('called');
        return call;
      },
    };
    const left: unknown[] = [];
    const { log, lines } = listeningLog();
    const onAnswer = (_method: string, route: string, status: number) => void left.push([route, status]);
    const before = apps.lane.status().tasks.fail?.cancelled ?? 0;
    const server = await listen(apps.app({ lane, log, onAnswer }));
    // As the server's own is.
    const wire = dial(Object.assign(server, { httpAllowHalfOpen: true }));
    const ended = once(wire.socket, 'close');
    wire.send(
      head('GET /io/delay?ms=300'),
      `${head('POST /fail', json, 'Content-Length: 17')}{"how":"endless"}`,
      head('GET /livez'),
    );
    await called;
    wire.socket.end();
    await expect.poll(() => apps.lane.status().tasks.fail?.cancelled).toBe(before + 1);
    expect(await wire.received('"waitedMs":300')).not.toContain('"status"');
    await ended;
    expect(left[0]).toEqual(['/io/delay', 200]);
    expect(left).not.toContainEqual(['/fail', 500]);
    expect(lines).toEqual([]);
  });

  it('in the middle of an upload is no error', async () => {
    const events = new EventEmitter();
    const gone = once(events, 'gone');
    const wire = dial(
      await listen(ioApp({ onAnswer: (_method, _route, status) => events.emit('gone', status) })),
    );
    wire.send(head('POST /io/echo', 'Content-Length: 100', 'Expect: 100-continue'));
    await wire.received('100 Continue');
    wire.send('abc');
    wire.socket.destroy();
    expect(await gone).toEqual([499]);
  });
});

it('a deadline that passes while the body arrives is DEADLINE_EXCEEDED', async () => {
  const wire = dial(await listen(ioApp()));
  wire.send(head('POST /io/echo', 'Content-Length: 100', 'Request-Timeout: 0.05'), 'abc');
  expect(await wire.received('DEADLINE_EXCEEDED')).toMatch(/^HTTP\/1.1 504 /);
});

it('a body that is not UTF-8 is MALFORMED_BODY', async () => {
  const wire = dial(await listen(apps.app()));
  wire.send(head('POST /shape', json, 'Content-Length: 3'), Buffer.from([0x22, 0xff, 0x22]));
  expect(await wire.received('MALFORMED_BODY')).toMatch(/^HTTP\/1.1 400 /);
});
