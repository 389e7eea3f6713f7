// Who is let in, told from the socket: the real app, and headers that no library would send.
import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseApiKeys } from '#src/api-keys.js';
import { listeningLog, type TaskApp, taskApps, testConfig } from '../../support/app.js';
import { RawClient } from '../../support/raw-client.js';
import { head, listen } from '../../support/wire.js';

const key = 'correct-horse.battery~staple+/=';
const other = 'another-key';
/** `voilà` in UTF-8, as it is on the wire: its last byte is a blank in Latin-1. */
const beyondAscii = 'voil\xc3\xa0';
const sha256 = (text: string) => createHash('sha256').update(text, 'latin1').digest('hex');
const keys = parseApiKeys(
  'keys',
  [`ann:${sha256(key)}`, `bob:${sha256(other)}`, `eve:${sha256(beyondAscii)}`].join('\n'),
);

let apps: TaskApp;
let usual: ReturnType<TaskApp['app']>;
beforeAll(async () => {
  apps = await taskApps();
  usual = apps.app({ keys });
});
afterAll(() => apps.lane.close());

async function dial(app = usual): Promise<RawClient> {
  const server = await listen(app);
  server.maxHeadersCount = 0;
  const client = await RawClient.connect((server.address() as AddressInfo).port);
  onTestFinished(() => client.destroy());
  return client;
}

async function ask(start: string, ...headers: string[]) {
  const client = await dial();
  return client.send(head(start, ...headers)).answer(start.split(' ')[0]);
}

describe('with API keys', () => {
  it.each([
    [`Authorization: Bearer ${key}`],
    [`authorization: bearer ${key}`],
    [`AUTHORIZATION: BEARER   ${key}  `],
    [`Authorization:Bearer ${key}`],
    [`X-Api-Key: ${key}`],
    [`x-aPI-key:\t${key}\t`],
    [`X-Api-Key: ${key}`, `Authorization: Bearer ${key}`],
    [`X-Api-Key: ${key}`, 'Authorization: Basic dXNlcjpwYXNz'],
    [`Authorization: Bearer ${beyondAscii}`],
    [`X-Api-Key: ${beyondAscii}`],
  ])('%s is let in', async (...headers) => {
    expect((await ask('GET /', ...headers)).status).toBe(200);
  });

  it.each([
    ['none', [], 'Bearer realm="millrace"'],
    ['an empty one', ['Authorization: Bearer'], 'error="invalid_token"'],
    ['an empty X-Api-Key', ['X-Api-Key:'], 'error="invalid_token"'],
    ['a wrong one', ['Authorization: Bearer nonsense'], 'error="invalid_token"'],
    ['its hash', [`X-Api-Key: ${sha256(key)}`], 'error="invalid_token"'],
    ['other letters’ case', [`X-Api-Key: ${key.toUpperCase()}`], 'error="invalid_token"'],
    ['another scheme', [`Authorization: Basic ${key}`], 'Bearer realm="millrace"'],
    ['no scheme', [`Authorization: ${key}`], 'Bearer realm="millrace"'],
    ['a scheme that begins like it', [`Authorization: Bearers ${key}`], 'Bearer realm="millrace"'],
    ['quotes', [`Authorization: Bearer "${key}"`], 'error="invalid_token"'],
    ['a second word', [`Authorization: Bearer ${key} x`], 'error="invalid_token"'],
    ['two in one header', [`X-Api-Key: ${key}, ${key}`], 'error="invalid_token"'],
    ['one of two', [`X-Api-Key: ${key}`, 'X-Api-Key: x'], 'error="invalid_token"'],
    ['the other of two', ['X-Api-Key: x', `X-Api-Key: ${key}`], 'error="invalid_token"'],
    [
      'the same twice',
      [`Authorization: Bearer ${key}`, `Authorization: Bearer ${key}`],
      'error="invalid_token"',
    ],
    ['two clients’', [`Authorization: Bearer ${key}`, `X-Api-Key: ${other}`], 'error="invalid_token"'],
    [
      'a wrong one beside a good one',
      ['Authorization: Bearer x', `X-Api-Key: ${key}`],
      'error="invalid_token"',
    ],
    [
      'another behind a tab',
      [`Authorization: Bearer\t${other}`, `X-Api-Key: ${key}`],
      'error="invalid_token"',
    ],
    ['a huge one', [`X-Api-Key: ${'x'.repeat(12_000)}`], 'error="invalid_token"'],
    ['bytes beyond ASCII', ['X-Api-Key: \xff\xfe'], 'error="invalid_token"'],
    ['a cookie', [`Cookie: api_key=${key}`], 'Bearer realm="millrace"'],
    ['a name that looks alike', [`X_Api_Key: ${key}`], 'Bearer realm="millrace"'],
  ])('%s is UNAUTHORIZED', async (_what, headers, challenge) => {
    const answer = await ask('GET /', ...headers);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain(challenge);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'UNAUTHORIZED', status: 401 });
  });

  it('a second key behind two thousand headers is seen, too', async () => {
    const filler = Array.from({ length: 2_100 }, () => 'a:');
    expect((await ask('GET /', `X-Api-Key: ${key}`, ...filler, `X-Api-Key: ${other}`)).status).toBe(401);
    expect((await ask('GET /', ...filler, `X-Api-Key: ${key}`)).status).toBe(200);
  });

  it.each([`/?api_key=${key}`, `/?access_token=${key}`, `/?x-api-key=${key}`])(
    'a key in the query counts for nothing: %s',
    async (target) => {
      expect((await ask(`GET ${target}`)).status).toBe(401);
    },
  );

  it.each([
    ['GET /livez', 200],
    ['GET /readyz', 200],
    ['GET /docs', 200],
    ['GET /openapi.json', 200],
    ['OPTIONS /shape', 204],
    ['GET /nothing', 404],
    ['DELETE /shape', 405],
    ['GET /io/delay?ms=0', 401],
    ['HEAD /', 401],
    ['POST /io/echo', 401],
    ['POST /shape', 401],
    ['GET /shape/double?n=1', 401],
    ['GET http://test/shape/double?n=1', 401],
    ['HEAD /shape/double?n=1', 401],
    ['GET /%73hape/double?n=1', 404],
    ['GET //shape/double?n=1', 404],
    ['GET /Shape/double?n=1', 404],
    ['GET /shape/double/?n=1', 404],
    ['GET /docs/..%2fshape/double?n=1', 404],
    ['GET /docs/../shape/double?n=1', 404],
  ])('%s without a key is %d', async (start, status) => {
    expect((await ask(start, 'Content-Length: 0')).status).toBe(status);
  });

  it('DOCS=off takes /docs and /openapi.json away', async () => {
    for (const path of ['/docs', '/openapi.json']) {
      const client = await dial(apps.app({ keys, config: testConfig({ DOCS: 'off' }) }));
      expect((await client.send(head(`GET ${path}`)).answer()).status).toBe(404);
    }
  });

  it.each([
    ['an unmeetable expectation', ['Expect: a-miracle']],
    ['a body that is too large', ['Content-Type: application/json', 'Content-Length: 999999999']],
    ['a wrong type', ['Content-Type: text/plain', 'Content-Length: 2']],
    [
      'a body that waits for 100-continue',
      ['Content-Type: application/json', 'Content-Length: 9', 'Expect: 100-continue'],
    ],
  ])('the key is asked for before %s', async (_what, headers) => {
    expect((await ask('POST /shape', ...headers)).status).toBe(401);
  });

  it('the key’s name is the client in the log, and the key never', async () => {
    const { log, lines } = listeningLog();
    const client = await dial(apps.app({ keys, log, config: testConfig({ ACCESS_LOG: 'all' }) }));
    await client.send(head('GET /', `X-Api-Key: ${key}`)).answer();
    await client.send(head('GET /', 'X-Api-Key: wrong-one')).answer();
    await expect.poll(() => lines.length).toBe(2);
    expect(lines.map((line) => line.client)).toEqual(['ann', '127.0.0.1']);
    expect(JSON.stringify(lines)).not.toMatch(/correct-horse|wrong-one/);
  });
});
