import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { testServer } from 'millrace/testing';
import sharp from 'sharp';
import { WebSocket } from 'ws';

let server;
let cookie;
before(async () => {
  process.env.DATA_DIR = await mkdtemp(join(tmpdir(), 'team-app-'));
  server = await testServer({ app: new URL('../app.js', import.meta.url) });
});
after(async () => {
  await server.close();
  await rm(process.env.DATA_DIR, { recursive: true });
});

const ask = (method, path, body, headers = {}) =>
  fetch(`${server.url}${path}`, {
    method,
    headers: {
      cookie,
      ...(body?.constructor === Object && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body?.constructor === Object ? JSON.stringify(body) : body,
  });
const ada = { name: 'ada', password: 'correct horse' };
const sessionOf = (answer) =>
  answer.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');

test('a page is served', async () => {
  assert.match(await (await ask('GET', '/')).text(), /<h1>Team app/);
});

test('who is not signed in may not', async () => {
  assert.equal((await ask('GET', '/me')).status, 401);
});

test('a user signs up once', async () => {
  const answer = await ask('POST', '/users', ada);
  assert.deepEqual([answer.status, await answer.json()], [201, { name: 'ada' }]);
  assert.equal((await ask('POST', '/users', ada)).status, 409);
  const short = await ask('POST', '/users', { name: 'bob', password: 'short' });
  // Nobody caught what `call` threw: it is the answer that the task's own route would give.
  assert.deepEqual([short.status, (await short.json()).errors[0].path], [400, 'password']);
});

test('and signs in', async () => {
  assert.equal((await ask('POST', '/session', { ...ada, password: 'wrong' })).status, 401);
  assert.equal((await ask('POST', '/session', { ...ada, name: 'eve' })).status, 401);
  const answer = await ask('POST', '/session', ada);
  assert.equal(answer.status, 200);
  cookie = sessionOf(answer);
  assert.deepEqual(await (await ask('GET', '/me')).json(), { name: 'ada' });
});

test('a picture becomes an avatar, and the WebSocket tells of it', async () => {
  const live = new WebSocket(`${server.url.replace('http', 'ws')}/live`, { headers: { cookie } });
  const [hello] = await once(live, 'message');
  assert.deepEqual(JSON.parse(hello), { event: 'hello', user: 'ada' });
  const told = once(live, 'message');
  const picture = await sharp({ create: { width: 400, height: 300, channels: 3, background: 'teal' } })
    .jpeg()
    .toBuffer();
  const form = new FormData();
  form.set('image', new Blob([picture]), 'ada.jpg');
  const answer = await ask('POST', '/avatar', form);
  assert.equal(answer.headers.get('content-type'), 'image/png');
  const { width, height } = await sharp(Buffer.from(await answer.arrayBuffer())).metadata();
  assert.deepEqual([width, height], [96, 72]);
  assert.deepEqual(JSON.parse((await told)[0]), { event: 'avatar' });
  live.close();
});

test('what is no picture is the sender’s fault', async () => {
  const form = new FormData();
  form.set('image', new Blob(['no picture']), 'ada.jpg');
  assert.equal((await ask('POST', '/avatar', form)).status, 400);

  const large = new FormData();
  large.set('image', new Blob([new Uint8Array(5_000_001)]), 'large.png');
  assert.equal((await ask('POST', '/avatar', large)).status, 413);
});

test('sales become a report', async () => {
  const sales = [
    { day: '2026-01-02', amount: 1 },
    { day: '2026-01-01', amount: 2.5 },
    { day: '2026-01-02', amount: 3 },
  ];
  const answer = await ask('POST', '/report', { sales });
  assert.match(answer.headers.get('content-type'), /^text\/csv/);
  assert.equal(await answer.text(), 'day,total\n2026-01-01,2.50\n2026-01-02,4.00\n');
});
