// Sends a row's bytes and checks everything that is promised of the answers.
import { expect } from 'vitest';
import { RawClient } from '../support/raw-client.js';
import type { Row } from './request-table.js';

const plain = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

export async function meets(port: number, row: Row): Promise<void> {
  const client = await RawClient.connect(port);
  try {
    client.send(row.bytes);
    for (const [index, status] of row.statuses.entries()) {
      const answer = await client.answer(row.method);
      expect(answer.status).toBe(status);
      if (index < row.statuses.length - 1) continue;
      if (row.ends) expect(answer.headers.get('connection')).toBe('close');
      if (row.body !== undefined) expect(answer.body).toBe(row.body);
      if (row.code === undefined) continue;
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      const problem: unknown = JSON.parse(answer.body);
      expect(problem).toMatchObject({ type: 'about:blank', status, code: row.code });
      expect(problem).toMatchObject({ requestId: answer.headers.get('x-request-id') });
      if (status === 405) expect(answer.headers.get('allow')).toContain('GET');
    }
    if (row.ends) await client.closed();
    else expect((await client.send(plain).answer()).status).toBe(200);
    expect(client.unread).toBe('');
  } finally {
    client.destroy();
  }
  const another = await RawClient.connect(port);
  expect((await another.send(plain).answer()).status).toBe(200);
  another.destroy();
}
