// The primary's server stands on the same HTTP layer as the public one.
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type AdminCluster, startAdminCluster } from '../support/admin.js';
import { RawClient } from '../support/raw-client.js';
import { meets } from './meets.js';
import { table } from './request-table.js';

let cluster: AdminCluster;
let port: number;
beforeAll(async () => {
  cluster = await startAdminCluster({ WORKERS: '1', ADMIN_ALLOWED_HOSTS: 'a.example' });
  port = Number(new URL(cluster.adminUrl).port);
});
afterAll(() => cluster.dispose());

const clients: RawClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});

async function send(bytes: string): Promise<RawClient> {
  const client = await RawClient.connect(port);
  clients.push(client);
  return client.send(bytes);
}

/** What no server would answer otherwise: the rest is about routes that this one does not have. */
const rows = table.filter(
  ({ code, bytes, statuses }) => code !== undefined && statuses.length === 1 && !bytes.includes('/io/echo'),
);

describe('the admin server refuses what the public one refuses', () => {
  test.each(rows)('$title', (row) => meets(port, row));

  test('the table is long', () => {
    expect(rows.length).toBeGreaterThan(100);
  });
});

test('garbage behind a pending request does not touch its answer, which is then the last', async () => {
  const client = await send('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\ngarbage\r\n\r\n');
  const answer = await client.answer();
  expect(answer.status).toBe(200);
  expect(answer.headers.get('connection')).toBe('close');
  expect(answer.body).toContain('millrace_server_processes');
  await client.closed();
  expect(client.unread).toBe('');
});

test.each([
  ['the absolute form', 'GET http://localhost/status HTTP/1.1\r\nHost: x\r\n\r\n', 200],
  [
    'the absolute form of a foreign host',
    'GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n',
    403,
  ],
  ['OPTIONS of the server', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n', 204],
  ['an expectation that cannot be met', 'GET /status HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\n\r\n', 417],
  ['an empty Host', 'GET /status HTTP/1.1\r\nHost:\r\n\r\n', 400],
  ['HTTP/1.0 without a Host', 'GET /status HTTP/1.0\r\n\r\n', 200],
])('%s', async (_title, bytes, status) => {
  const answer = await (await send(bytes)).answer();
  expect(answer.status).toBe(status);
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  if (status === 204) expect(answer.headers.get('allow')).toContain('GET');
  if (status >= 400) expect(answer.headers.get('content-type')).toBe('application/problem+json');
});

test('headers that do not come are answered 408, as a problem', async () => {
  const client = await send('GET / HTTP/1.1\r\n');
  const answer = await client.answer();
  expect(answer.status).toBe(408);
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'REQUEST_TIMEOUT' });
  await client.closed();
});

test('an event stream outlives every limit on requests', async () => {
  const client = await send('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const silent = await send('GET / HTTP/1.1\r\n');
  // As long as others need to be cut.
  await silent.closed();
  while (client.unread.split('event: snapshot').length <= 3) await once(client.socket, 'data');
  expect(client.isClosed).toBe(false);
});
