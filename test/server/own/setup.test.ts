// A setup that cannot be used: at the start, and in a reload.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launch, startCluster } from '../../support/cluster.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(fileURLToPath(new URL('../../fixtures/apps/', import.meta.url)));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(setup: string): string {
  const file = join(folder, 'app.mjs');
  writeFileSync(file, `import { defineApp } from 'millrace';\nexport default defineApp(${setup});\n`);
  return file;
}

it('one that never settles ends the boot with 78 and the file', async () => {
  const file = write('() => new Promise(() => void setInterval(() => {}, 1_000))');
  await using launched = launch({ args: [file], env: { WORKERS: '1', BOOT_TIMEOUT_MS: '3000' } });
  expect(await launched.exited).toBe(78);
  expect(launched.stderr()).toContain(file);
  expect(launched.stderr()).toContain('(BOOT_TIMEOUT_MS)');
});

it('a reload is aborted by one that throws or takes a probe, and the old app serves on', async () => {
  const file = write("({ app }) => app.get('/old', (_req, res) => res.send('old'))");
  await using cluster = await startCluster({ args: [file], env: { WORKERS: '1' } });
  for (const [setup, reason] of [
    ["() => { throw new Error('no database'); }", 'its setup failed: no database'],
    ["({ app }) => app.get('/readyz', () => {})", "the route /readyz belongs to the server's probes"],
  ] as const) {
    write(setup);
    cluster.signal('SIGHUP');
    const line = await cluster.waitForLine(
      (one) => one.msg === 'reload aborted' && String(one.reason).includes(reason),
    );
    expect(String(line.reason)).toContain(file);
    expect(await (await fetch(`${cluster.url}/old`)).text()).toBe('old');
  }
});
