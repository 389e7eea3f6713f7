import http, { type Server } from 'node:http';
import express from 'express';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { alignPrototypes } from '#src/server/express-prototypes.js';
import { startTestServer } from '../support/server.js';
import { listen } from '../support/wire.js';

function serve(app: ReturnType<typeof express>): Promise<Server> {
  return listen(app, alignPrototypes(app));
}

/** How often a prototype was really changed while the work ran. */
async function prototypeChanges(work: () => Promise<unknown>): Promise<number> {
  const { setPrototypeOf } = Object;
  let changes = 0;
  Object.setPrototypeOf = (target, prototype) => {
    const isMessage = target instanceof http.IncomingMessage || target instanceof http.ServerResponse;
    if (isMessage && Object.getPrototypeOf(target) !== prototype) changes++;
    return setPrototypeOf(target, prototype);
  };
  try {
    await work();
  } finally {
    Object.setPrototypeOf = setPrototypeOf;
  }
  return changes;
}

describe('aligned prototypes', () => {
  it('are changed by no request; Express as it comes changes two for each', async () => {
    const app = express().get('/', (_req, res) => {
      res.send('ok');
    });
    const plain = await listen(app);
    expect(await prototypeChanges(() => request(plain).get('/').expect(200))).toBe(2);
    const aligned = await serve(app);
    expect(await prototypeChanges(() => request(aligned).get('/').expect(200))).toBe(0);
  });

  it('are what the server itself runs with', async () => {
    const server = await startTestServer();
    try {
      expect(await prototypeChanges(() => fetch(`${server.url}/`))).toBe(0);
      expect(await prototypeChanges(() => fetch(`${server.url}/nothing/at/all`))).toBe(0);
    } finally {
      await server.close('stop', 1_000);
    }
  });

  it('carry every method and getter of Express themselves, for short look-ups', () => {
    const app = express();
    alignPrototypes(app);
    for (const [own, source] of [
      [app.request, express.request],
      [app.response, express.response],
    ] as const) {
      expect(Object.getOwnPropertyNames(own)).toEqual(
        expect.arrayContaining(Object.getOwnPropertyNames(source)),
      );
    }
  });

  it('leave req and res what they were: methods, getters, classes', async () => {
    const app = express();
    app.set('trust proxy', true);
    app.get('/of/:id', (req, res) => {
      res
        .status(201)
        .type('json')
        .append('X-List', 'a')
        .append('X-List', 'b')
        .cookie('c', '1')
        .vary('Accept')
        .json({
          classes: [
            req instanceof http.IncomingMessage,
            res instanceof http.ServerResponse,
            Object.getPrototypeOf(req) === app.request,
            Object.getPrototypeOf(res) === app.response,
          ],
          same: [req.app === app, res.app === app, req.res === res, res.req === req],
          id: req.params.id,
          query: req.query,
          path: req.path,
          hostname: req.hostname,
          ip: req.ip,
          protocol: req.protocol,
          accepts: req.accepts(['html', 'json']),
          header: req.get('X-Own'),
        });
    });
    const res = await request(await serve(app))
      .get('/of/7?a=1')
      .set({ Accept: 'application/json', 'X-Own': 'me', 'X-Forwarded-For': '1.2.3.4', Host: 'example.org' })
      .expect(201);
    expect(res.body).toEqual({
      classes: [true, true, true, true],
      same: [true, true, true, true],
      id: '7',
      query: { a: '1' },
      path: '/of/7',
      hostname: 'example.org',
      ip: '1.2.3.4',
      protocol: 'http',
      accepts: 'json',
      header: 'me',
    });
    expect(res.headers).toMatchObject({ 'x-list': 'a, b', vary: 'Accept' });
  });

  it('keep what was put on app.request and app.response, before and after', async () => {
    const app = express();
    Object.defineProperty(app.request, 'before', { get: () => 'b' });
    const aligned = alignPrototypes(app);
    Object.defineProperty(app.response, 'after', { value: 'a' });
    app.get('/', (req, res) => {
      res.json([Reflect.get(req, 'before'), Reflect.get(res, 'after')]);
    });
    await request(await listen(app, aligned))
      .get('/')
      .expect(200, ['b', 'a']);
  });

  it('let mounted apps have their own, and give the parent its own back', async () => {
    const app = express();
    const aligned = alignPrototypes(app);
    const sub = express();
    Object.defineProperty(app.request, 'shared', { value: 'parent', configurable: true });
    Object.defineProperty(sub.request, 'own', { value: 'sub' });
    app.use('/sub', sub);
    const seen = (req: express.Request) => [Reflect.get(req, 'shared'), Reflect.get(req, 'own') ?? null];
    sub.get('/', (req, res) => {
      res.json([...seen(req), req.app === sub, req.baseUrl]);
    });
    app.use((req, res) => {
      res.json([...seen(req), req.app === app]);
    });
    const server = await listen(app, aligned);
    await request(server).get('/sub').expect(200, ['parent', 'sub', true, '/sub']);
    await request(server).get('/sub/other').expect(200, ['parent', null, true]);
  });
});
