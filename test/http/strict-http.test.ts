import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHttpServer, type TestServer } from '../support/http-server.js';
import { meets } from './meets.js';
import { table } from './request-table.js';

describe('each of these bytes gets its answer, and the server serves on', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startHttpServer();
  });
  afterAll(() => server.close());

  test.each(table)('$title', async (row) => {
    await meets(server.port, row);
  });

  test('the table is long', () => {
    expect(table.length).toBeGreaterThan(200);
  });
});
