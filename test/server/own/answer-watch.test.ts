// Handlers of an app that do not answer, and those that look like it.
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import express, { type Response } from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { defineApp } from '#src/app.js';
import { type TestServer, testServer } from '#src/library/testing.js';
import { listeningLog } from '../../support/app.js';

const limitMs = 400;

/** Answers that are held, by the name of their route. */
const held = new Map<string, Response>();

const app = defineApp(({ app, server, call, onClose, authenticate }) => {
  authenticate((req) => (req.get('x-user') === 'never' ? new Promise<never>(() => undefined) : 'ann'));
  const users = express.Router();
  users.get('/:id', (_req, res) => void held.set('never', res));
  app.use('/users', users);
  app.get('/middleware', (_req, res, _next) => void held.set('middleware', res));
  app.get('/events', (_req, res) => {
    res.type('text/event-stream').write('data: 1\n\n');
    held.set('events', res);
  });
  app.get('/poll', (_req, res) => {
    res.type('text').flushHeaders();
    held.set('poll', res);
  });
  app.get('/linger', async (req, res) => {
    await call('linger', { how: 'timer', ms: 60_000 }, { req });
    res.send('too late');
  });
  app.get('/quick', (_req, res) => void res.send('quick'));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  onClose(() => sockets.close());
});

const tasks = new URL('../../fixtures/native/linger.js', import.meta.url);

async function start(more: { answerTimeoutMs?: number | 'auto' } = {}) {
  const { log, lines } = listeningLog();
  const server = await testServer({ app, tasks, threads: false, log, answerTimeoutMs: limitMs, ...more });
  return { server, lines };
}

describe('a handler that does not answer', () => {
  let server: TestServer;
  let lines: Record<string, unknown>[];
  beforeAll(async () => {
    ({ server, lines } = await start());
  });
  afterAll(() => server.close());

  const get = (path: string, headers: Record<string, string> = {}) => fetch(server.url + path, { headers });
  const late = (path: string) => get(path).then(({ status }) => status);

  it('is answered for at the limit: 504, in the log with its route', async () => {
    const answer = await get('/users/7', { 'X-Request-Id': 'never-1' });
    expect([answer.status, await answer.json()]).toMatchObject([504, { code: 'DEADLINE_EXCEEDED' }]);
    expect(lines.filter(({ requestId }) => requestId === 'never-1')).toMatchObject([
      { level: 40, code: 'DEADLINE_EXCEEDED', status: 504, route: '/users/:id', path: '/users/7' },
    ]);
  });

  it('is answered for while the app looks for who calls', async () => {
    const answer = await fetch(`${server.url}/linger`, {
      method: 'POST',
      body: '{"how":"timer","ms":1}',
      headers: { 'Content-Type': 'application/json', 'X-User': 'never' },
    });
    expect(answer.status).toBe(504);
  });

  it.each(['callback', 'write'])('may answer later (%s): nothing comes of it', async (how) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const statusOf = async (path: string) => {
      const [answer] = await once(request(server.url + path, { agent }).end(), 'response');
      const chunks = await answer.toArray();
      return [answer.statusCode, Buffer.concat(chunks).toString()];
    };
    expect((await statusOf('/users/8'))[0]).toBe(504);
    const res = held.get('never');
    // As a database's callback would: an error here is an uncaught one.
    await new Promise<void>((done) =>
      setImmediate(() => {
        if (how === 'callback') res?.status(201).json({ late: true });
        else res?.writeHead(200).end(res.write('late'));
        done();
      }),
    );
    expect(await statusOf('/quick')).toEqual([200, 'quick']);
    agent.destroy();
  });

  it('is not one that has begun its answer, or has upgraded its connection', async () => {
    const socket = new WebSocket(server.url.replace('http', 'ws'));
    await once(socket, 'open');
    const events = await get('/events');
    const poll = await get('/poll');
    // Two limits long.
    expect([await late('/users/1'), await late('/users/2')]).toEqual([504, 504]);
    for (const name of ['events', 'poll']) held.get(name)?.end('the end');
    expect([await events.text(), await poll.text()]).toEqual(['data: 1\n\nthe end', 'the end']);
    socket.send('echo');
    const [echo] = await once(socket, 'message');
    expect(String(echo)).toBe('echo');
    socket.close();
  });

  it('is not a task’s own route, which has its own deadline', async () => {
    const answer = await fetch(`${server.url}/linger`, {
      method: 'POST',
      body: JSON.stringify({ how: 'timer', ms: 3 * limitMs }),
      headers: { 'Content-Type': 'application/json' },
    });
    expect(answer.status).toBe(200);
  });
});

it('by its client’s Request-Timeout, where that is earlier; a header that is none is the app’s own', async () => {
  const { server } = await start({ answerTimeoutMs: 0 });
  try {
    const get = (timeout: string) =>
      fetch(`${server.url}/users/1`, { headers: { 'Request-Timeout': timeout } });
    expect((await get('0.2')).status).toBe(504);
    expect((await fetch(`${server.url}/linger`, { headers: { 'Request-Timeout': '0.2' } })).status).toBe(504);
    held.delete('never');
    const own = get('soon');
    await expect.poll(() => held.has('never')).toBe(true);
    held.get('never')?.send('in its own time');
    expect(await (await own).text()).toBe('in its own time');
  } finally {
    await server.close();
  }
});
