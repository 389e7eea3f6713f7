// An app and its tasks as .ts files: served where this Node strips types, else refused with what to do.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { millrace } from '../../support/command.js';
import { startTestServer } from '../../support/server.js';

const stripsTypes = 'typescript' in process.features && Boolean(process.features.typescript);
const fixture = fileURLToPath(new URL('../../fixtures/typescript', import.meta.url));

// Inside the project, so that the files find millrace and zod; a copy, since a test writes into it.
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(fileURLToPath(new URL('../../../dist/typescript-', import.meta.url)));
  await cp(fixture, folder, { recursive: true });
});
afterAll(() => rm(folder, { recursive: true }));

it('runs an app and tasks in TypeScript, in threads too, whatever becomes of the files', async (context) => {
  if (!stripsTypes) return context.skip('this Node does not strip types');
  const env = { APP: join(folder, 'app.ts'), POOL_MAX_THREADS: '2', POOL_IDLE_TIMEOUT_MS: '0' };
  const server = await startTestServer(env);
  try {
    const own = await fetch(`${server.url}/own`);
    expect(await own.json()).toEqual({ loud: 'ABC' });
    await writeFile(
      join(folder, 'tasks/_loud.ts'),
      'export const loud = (text: string): string => "changed";',
    );
    const calls = Array.from({ length: 6 }, async (_, i) =>
      (await fetch(`${server.url}/loud?text=a${i}`)).json(),
    );
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => ({ loud: `A${i}` })));
  } finally {
    await server.close('stop', 10_000);
  }
});

it('says what to do where this Node cannot load TypeScript', async (context) => {
  if (stripsTypes) return context.skip('this Node strips types');
  const env = { TASKS_DIR: join(folder, 'tasks'), PORT: '0', ADMIN_PORT: 'off', WORKERS: '1' };
  for (const args of [['check'], [], [join(folder, 'app.ts')]]) {
    const { code, stderr } = await millrace(args, { env });
    expect(code).toBe(78);
    expect(stderr).toContain('compile it to .js first, or use Node 22.18 or newer');
  }
});
