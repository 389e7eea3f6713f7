// The quota as a client meets it: on which requests, in which order, and told how.
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { RawClient } from '../../support/raw-client.js';
import { startTestServer, type TestServer } from '../../support/server.js';
import { head } from '../../support/wire.js';

let server: TestServer;
/** Spends the quota of 20 ms: a first call may run however long, and what it took is owed. */
beforeAll(async () => {
  server = await startTestServer({ CPU_QUOTA_MS_PER_MINUTE: '20' });
  const work = { algorithm: 'pbkdf2-sha256', data: 'secret', iterations: 300_000 };
  const first = await fetch(`${server.url}/hash`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(work),
  });
  expect(first.status).toBe(200);
  expect(first.headers.get('ratelimit-policy')).toBe('"cpu";q=20;w=60');
  expect(first.headers.get('ratelimit')).toMatch(/^"cpu";r=0;t=\d+$/);
});
afterAll(() => server.close('stop', 1_000));

async function ask(...lines: string[]) {
  const client = await RawClient.connect(server.port);
  onTestFinished(() => client.destroy());
  const [start = '', ...headers] = lines;
  return client.send(head(start, ...headers)).answer(start.split(' ')[0]);
}

const json = 'Content-Type: application/json';

it.each([
  ['a GET', ['GET /hash?algorithm=sha256&data=abc'], 429],
  ['a bad GET: what it asks for is not even looked at', ['GET /hash?x=1'], 429],
  [
    'a POST, before its body is sent',
    ['POST /hash', json, 'Content-Length: 100', 'Expect: 100-continue'],
    429,
  ],
  ['a light route', ['GET /io/delay?ms=0'], 200],
  ['a probe', ['GET /readyz'], 200],
  ['a HEAD, which makes no call', ['HEAD /hash?algorithm=sha256&data=abc'], 200],
  ['an OPTIONS', ['OPTIONS /hash'], 204],
  ['a 405', ['DELETE /hash'], 405],
  ['a 413', ['POST /hash', json, 'Content-Length: 999999999'], 413],
  ['a 415', ['POST /hash', 'Content-Type: text/plain', 'Content-Length: 2'], 415],
  ['a 417', ['POST /hash', json, 'Content-Length: 2', 'Expect: wonders'], 417],
])('once it is spent, %s is %3$s', async (_what, lines, status) => {
  const answer = await ask(...lines);
  expect(answer.status).toBe(status);
  if (status !== 429) return;
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'QUOTA_EXCEEDED' });
  const retryAfter = Number(answer.headers.get('retry-after'));
  expect(retryAfter).toBeGreaterThan(1);
  expect(answer.headers.get('ratelimit-policy')).toBe('"cpu";q=20;w=60');
  expect(answer.headers.get('ratelimit')).toBe(`"cpu";r=0;t=${retryAfter}`);
});

it('a refused call is counted as refused', async () => {
  const before = server.status().tasks.hash?.refused ?? 0;
  await ask('GET /hash?algorithm=sha256&data=abc');
  expect(server.status().tasks.hash?.refused).toBe(before + 1);
});
