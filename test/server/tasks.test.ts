import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { createApp } from '#src/server/app.js';
import { listeningLog, type TaskApp, taskApps } from '../support/app.js';

let apps: TaskApp;
let app: ReturnType<typeof createApp>;
beforeAll(async () => {
  apps = await taskApps({ BODY_LIMIT_BYTES: '100000', UPLOAD_LIMIT_BYTES: '200000' });
  app = apps.app();
});
afterAll(() => apps.lane.close());

describe('a CPU answer', () => {
  it('is what the task returned, with its timing, and is not to be stored', async () => {
    const res = await request(app).post('/shape').send({ operation: 'double', n: 2 }).expect(200);
    expect(res.body).toEqual({ result: { n: 4 } });
    expect(res.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'server-timing': expect.stringMatching(/^lane;desc="thread", queue;dur=[\d.]+, run;dur=[\d.]+$/),
    });
  });

  it('may be bytes', async () => {
    const res = await request(app).get('/shape/dot?size=3').expect(200);
    expect(res.headers['content-type']).toBe('image/png');
    expect(res.body).toEqual(Buffer.from('...'));
  });

  it('may come of a JSON body too large for the event loop', async () => {
    const rows = Array.from({ length: 20_000 }, () => 1);
    await request(app).post('/shape').send({ operation: 'total', rows }).expect(200, { result: 20_000 });
  });
});

describe('the GET form', () => {
  it('reads numbers and booleans by the schema, and texts as they are', async () => {
    const path = '/shape/double?n=-1.5&loud=true&label=true';
    await request(app)
      .get(path)
      .expect(200, { result: { n: -3, loud: true, label: 'true' } });
  });

  it('takes any value in the path where the field does not list its values', async () => {
    await request(app).get('/greet/3').expect(200, { times: 3 });
    await request(app).head('/greet/3').expect(200);
    const res = await request(app).get('/greet/30').expect(400);
    expect(res.body.errors[0].path).toBe('times');
    await request(app).get('/greet/often').expect(400);
  });

  it('takes an empty text for what it is', async () => {
    await request(app)
      .get('/shape/double?n=1&label=')
      .expect(200, { result: { n: 2, label: '' } });
    await request(app).get('/letters/count?data=').expect(200, { count: 0, bytes: false });
  });

  it('decodes the value in the path', async () => {
    await request(app).get('/shape/do%75ble?n=1').expect(200);
  });

  it.each([
    ['/shape/double?n=', 'n'],
    ['/shape/double?n=1&n=1', 'n'],
    ['/shape/double?n=1&label=&label=', 'label'],
    ['/shape/double?n=1&loud=', 'loud'],
    ['/shape/double?n=1&=', ''],
    ['/shape/double?n=1&x=', 'x'],
    ['/shape/double?n=01', 'n'],
    ['/shape/double?n=1e2', 'n'],
    ['/shape/double?n=%2B1', 'n'],
    ['/shape/double?n=0x1', 'n'],
    ['/shape/double?n=1001', 'n'],
    ['/shape/double', 'n'],
    ['/shape/double?n=1&loud=yes', 'loud'],
    ['/shape/double?n=1&size=1', 'size'],
    ['/shape/double?n=1&operation=double', 'operation'],
    ['/shape/double?n=1&__proto__=1', '__proto__'],
    ['/shape/dot?size=1.5', 'size'],
    ['/letters/count?data=aB', 'data'],
    ['/letters/count?data=ab&of=ab', 'of'],
  ])('%s is INVALID_INPUT', async (path, field) => {
    const res = await request(app).get(path).expect(400);
    expect(res.body.code).toBe('INVALID_INPUT');
    expect(res.body.errors.map(({ path }: { path: string }) => path)).toContain(field);
  });

  it('takes what its narrower schema takes', async () => {
    await request(app).get('/letters/count?data=banana&of=a').expect(200, { count: 3, bytes: false });
  });

  it('is 404 for a value that the field does not have, whatever the method', async () => {
    for (const path of [
      '/shape/triple?n=1',
      '/shape/constructor',
      '/shape/Double?n=1',
      '/shape/double/?n=1',
    ]) {
      expect((await request(app).get(path).expect(404)).body.code).toBe('NOT_FOUND');
      await request(app).post(path).expect(404);
      await request(app).options(path).expect(404);
    }
    expect((await request(app).get('/shape/%ZZ').expect(400)).body.code).toBe('BAD_REQUEST');
  });

  it('is 405 for a value that only a body can go with, and on the bare route', async () => {
    for (const [path, allow] of [
      ['/shape/total', 'OPTIONS'],
      ['/shape', 'POST, OPTIONS'],
      ['/fail', 'POST, OPTIONS'],
    ] as const) {
      for (const method of ['get', 'head'] as const) {
        expect((await request(app)[method](path).expect(405)).headers.allow).toBe(allow);
      }
      expect((await request(app).options(path).expect(204)).headers.allow).toBe(allow);
    }
    expect((await request(app).post('/shape/double').expect(405)).headers.allow).toBe('GET, HEAD, OPTIONS');
    expect((await request(app).put('/letters/count').expect(405)).headers.allow).toBe(
      'GET, HEAD, POST, OPTIONS',
    );
  });

  it('answers HEAD without a call', async () => {
    const before = apps.records.length;
    const res = await request(app).head('/letters/count?data=a').expect(200);
    expect(res.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(res.headers['cache-control']).toBe('no-store');
    await request(app).head('/letters/count?data=A').expect(400);
    expect(apps.records.length).toBe(before);
  });
});

describe('a body of bytes', () => {
  it('becomes the task’s input with the query’s parameters', async () => {
    const post = () => request(app).post('/letters/count').set('Content-Type', 'application/octet-stream');
    await post().send(Buffer.alloc(150_000)).expect(200, { count: 150_000, bytes: true });
    await post().send(Buffer.alloc(0)).expect(200, { count: 0, bytes: true });
    const own = await request(app)
      .post('/letters/count?data=a')
      .set('Content-Type', 'application/octet-stream')
      .send(Buffer.from('a'));
    expect(own.body).toMatchObject({ code: 'INVALID_INPUT', errors: [{ path: 'data' }] });
    const unknown = await request(app)
      .post('/letters/count?x=a')
      .set('Content-Type', 'application/octet-stream')
      .send(Buffer.from('a'));
    expect(unknown.body).toMatchObject({ code: 'INVALID_INPUT', errors: [{ path: 'x' }] });
    expect((await post().send(Buffer.alloc(200_001))).body.code).toBe('BODY_TOO_LARGE');
  });

  it('that its task cannot make an input of is TASK_FAILED, and why stays here', async () => {
    const res = await request(app)
      .post('/letters/count?of=!')
      .set('Content-Type', 'application/octet-stream')
      .send(Buffer.from('a'))
      .expect(500);
    expect(res.body.code).toBe('TASK_FAILED');
    expect(res.text).not.toContain('secret');
  });
});

describe('a JSON body', () => {
  it.each([
    ['', 'MALFORMED_BODY'],
    ['{', 'MALFORMED_BODY'],
    ['{"how":"thr\\u00', 'MALFORMED_BODY'],
    ['\ufeff\ufeff{}', 'MALFORMED_BODY'],
    ['\ufeff', 'MALFORMED_BODY'],
    [`${'['.repeat(100)}${']'.repeat(100)}`, 'MALFORMED_BODY'],
    ['null', 'INVALID_INPUT'],
    ['{"how":"x"}', 'INVALID_INPUT'],
    ['{"how":"throw","x":1}', 'INVALID_INPUT'],
    ['{"how":"throw","__proto__":{}}', 'INVALID_INPUT'],
  ])('of %s is %s', async (body, code) => {
    const res = await request(app)
      .post('/fail')
      .set('Content-Type', 'application/json')
      .send(body)
      .expect(400);
    expect(res.body.code).toBe(code);
  });

  it('may begin with a byte order mark, wherever it is parsed', async () => {
    const post = (body: string) =>
      request(app).post('/shape').set('Content-Type', 'application/json').send(body);
    for (const rest of ['', ' '.repeat(40_000)]) {
      const res = await post(`\ufeff{"operation":"double","n":1,"label":"\ufeff"}${rest}`).expect(200);
      expect(res.body).toEqual({ result: { n: 2, label: '\ufeff' } });
    }
  });

  it('may not have a field twice, wherever it is parsed', async () => {
    const post = (body: string) =>
      request(app).post('/shape').set('Content-Type', 'application/json').send(body);
    for (const rest of ['', ' '.repeat(40_000)]) {
      const res = await post(`{"operation":"double","n":1,"n":2}${rest}`).expect(400);
      expect(res.body).toMatchObject({ code: 'INVALID_INPUT', errors: [{ path: 'n' }] });
    }
  });

  it('may not be larger than BODY_LIMIT_BYTES', async () => {
    const res = await request(app)
      .post('/shape')
      .send({ how: 'x'.repeat(100_000) });
    expect(res.body.code).toBe('BODY_TOO_LARGE');
  });

  it.each(['application/json', 'Application/JSON; charset=UTF-8', 'application/json;charset="utf-8"'])(
    'may be called %s',
    async (type) => {
      await request(app)
        .post('/shape')
        .set('Content-Type', type)
        .send('{"operation":"double","n":1}')
        .expect(200);
    },
  );

  it.each([
    undefined,
    'text/plain',
    'application/json; charset=latin1',
    'application/json; charset="latin1"',
    'application/json; x=1; charset=utf-16',
    'application/json; charset=latin1; x=1',
    'application/json; charset=latin1;',
    'application/json; charset=utf-16; charset=utf-8',
    // What a pattern with two ways to read a blank or a charset takes for ever to refuse.
    `application/json${'; '.repeat(4_000)}"`,
    `application/json${';charset=utf-8'.repeat(800)}"`,
    'application/json; x',
    'application/jsonx',
    'application/x-www-form-urlencoded',
    'application/octet-stream',
  ])('may not be called %s', async (type) => {
    const post = request(app).post('/shape');
    const res = await (type === undefined ? post : post.set('Content-Type', type).send('{}'));
    expect(res.body.code).toBe('UNSUPPORTED_MEDIA_TYPE');
    expect(res.status).toBe(415);
  });

  it.each([
    'Application/JSON',
    'application/json;charset="UTF-8"',
    'application/json; charset=utf8',
    'application/json;',
    'application/json ; ; charset=utf-8 ; charset=utf-8',
    'application/json; x=1; y="a b"; charset=utf-8',
  ])('may be called %s', async (type) => {
    await request(app)
      .post('/shape')
      .set('Content-Type', type)
      .send('{"operation":"double","n":1}')
      .expect(200);
  });

  it('may not be compressed', async () => {
    const post = () => request(app).post('/shape').set('Content-Type', 'application/json');
    const res = await post().set('Content-Encoding', 'gzip').send('{}');
    expect(res.body.code).toBe('UNSUPPORTED_MEDIA_TYPE');
    await post().set('Content-Encoding', 'identity').send('{"operation":"double","n":1}').expect(200);
  });

  it('takes no query parameters beside it', async () => {
    const res = await request(app).post('/shape?n=1').send({ operation: 'double', n: 1 }).expect(400);
    expect(res.body).toMatchObject({ code: 'INVALID_INPUT', errors: [{ path: 'n' }] });
  });
});

describe('a call that fails', () => {
  it('shows nothing of its inside', async () => {
    const res = await request(app).post('/fail').send({ how: 'throw' }).expect(500);
    expect(res.body.code).toBe('TASK_FAILED');
    expect(res.text).not.toContain('secret');
  });

  it.each(['throw', 'wait'])(
    'is TASK_FAILED where its schema is told to %s, wherever that runs',
    async (how) => {
      const onLoop = await request(app).post('/refine').send({ how }).expect(500);
      const inThread = await request(app)
        .post('/refine')
        .send({ how, filler: 'x'.repeat(40_000) })
        .expect(500);
      const byGet = await request(app).get(`/refine?how=${how}`).expect(500);
      for (const res of [onLoop, inThread, byGet]) {
        expect(res.body).toMatchObject({ code: 'TASK_FAILED', detail: 'The task failed.' });
        expect(res.text).not.toContain('secret');
      }
    },
  );

  it('is INTERNAL where the server itself is at fault, and only its log says why', async () => {
    const { log, lines } = listeningLog();
    const broken = apps.app({
      log,
      lane: {
        ...apps.lane,
        call: () => {
          throw new Error('inner secret');
        },
      },
    });
    const res = await request(broken).post('/shape').send({ operation: 'double', n: 1 }).expect(500);
    expect(res.body.code).toBe('INTERNAL');
    expect(res.text).not.toContain('secret');
    expect(lines).toContainEqual(
      expect.objectContaining({
        code: 'INTERNAL',
        err: expect.objectContaining({ message: 'inner secret' }),
      }),
    );
  });

  it('is THREAD_LOST where its thread died', async () => {
    const res = await request(app).post('/fail').send({ how: 'exit' }).expect(500);
    expect(res.body.code).toBe('THREAD_LOST');
  });

  it('is DEADLINE_EXCEEDED after Request-Timeout', async () => {
    const res = await request(app)
      .post('/fail')
      .set('Request-Timeout', '0.05')
      .send({ how: 'endless' })
      .expect(504);
    expect(res.body.code).toBe('DEADLINE_EXCEEDED');
  });
});

describe('a refusal', () => {
  it('for a full queue comes before the body’s faults, and says when to come back', async () => {
    const full = apps.fullApp();
    const res = await request(full).post('/shape').send({ nothing: true }).expect(503);
    expect(res.body.code).toBe('OVERLOADED');
    expect(res.headers['retry-after']).toBe('7');
    await request(full).post('/shape').set('Content-Type', 'text/plain').send('x').expect(415);
    await request(full).get('/letters/count?data=A').expect(503);
    await request(full).head('/letters/count?data=a').expect(200);
    await request(full).get('/').expect(200);
  });

  it('is SHUTTING_DOWN while stopping, and only then', async () => {
    const stopping = apps.app({ closing: () => 'stop' });
    const res = await request(stopping).post('/shape').send({ operation: 'double', n: 1 }).expect(503);
    expect(res.body.code).toBe('SHUTTING_DOWN');
    expect(res.headers.connection).toBe('close');
    await request(stopping).get('/io/delay?ms=0').expect(200);
    const reloading = apps.app({ closing: () => 'reload' });
    await request(reloading).post('/shape').send({ operation: 'double', n: 1 }).expect(200);
  });
});
