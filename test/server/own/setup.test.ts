// A setup that cannot be used: at the start, and in a reload.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type Express, type Router } from 'express';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { defineApp } from '#src/app.js';
import { testServer } from '#src/library/testing.js';
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

const theSetup = 'its setup (the function given to defineApp)';

it.each([
  ['ends the process', '() => process.exit(0)', `its process ended with code 0 while ${theSetup} ran`],
  [
    'leaves an error behind',
    "() => { Promise.reject(new Error('left')); }",
    `${theSetup} leaves an error behind: left`,
  ],
])('one that %s ends the boot with 78, and is told from an import', async (_what, setup, reason) => {
  const file = write(setup);
  await using launched = launch({ args: [file], env: { WORKERS: '1' } });
  expect(await launched.exited).toBe(78);
  expect(launched.stderr()).toContain(`millrace: ${file}: ${reason}\n`);
});

it('one that never settles ends the boot with 78 and the file', async () => {
  const file = write('() => new Promise(() => void setInterval(() => {}, 1_000))');
  await using launched = launch({ args: [file], env: { WORKERS: '1', BOOT_TIMEOUT_MS: '12000' } });
  expect(await launched.exited).toBe(78);
  expect(launched.stderr()).toContain(`${file}: ${theSetup} did not end within 12000 ms (BOOT_TIMEOUT_MS)`);
});

it('one that throws has its stack in the log', async () => {
  const file = write("() => {\n  throw new Error('no database');\n}");
  await using launched = launch({ args: [file], env: { WORKERS: '1' } });
  expect(await launched.exited).toBe(78);
  const line = launched.lines.find(({ msg }) => String(msg).includes('its setup failed: no database'));
  expect(line).toMatchObject({ level: 50, err: { stack: expect.stringContaining('app.mjs:3:9') } });
});

it('one whose own listening fails ends the boot with 78, and is told to leave that out', async () => {
  await using taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const file = write(`async () => {
  (await import('node:net')).createServer().listen(${port}, '127.0.0.1');
  await new Promise(() => void setInterval(() => {}, 1_000));
}`);
  await using launched = launch({ args: [file], env: { WORKERS: '1' } });
  expect(await launched.exited).toBe(78);
  expect(launched.stderr()).toMatch(
    /leaves an error behind: .*EADDRINUSE.* \(an app leaves out app\.listen: /,
  );
});

it('one that listens by itself is told so, with the place, though nobody hears that it cannot, and is served', async () => {
  // Express hands the error to the callback.
  await using taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const file = write(
    `({ app }) => {\n  app.get('/mine', (_req, res) => res.send('mine'));\n  app.listen(${port}, '127.0.0.1', () => {});\n}`,
  );
  await using cluster = await startCluster({ args: [file], env: { WORKERS: '1' } });
  const line = await cluster.waitForLine(({ msg }) => String(msg).includes('(app.listen)'));
  expect(line).toMatchObject({ level: 40, at: expect.stringMatching(/app\.mjs:4:\d+/) });
  expect(await (await fetch(`${cluster.url}/mine`)).text()).toBe('mine');
});

const router = (add: (inner: Router) => unknown): Router => {
  const made = express.Router();
  add(made);
  return made;
};
const none = (): void => undefined;

it.each<[string, (app: Express) => unknown]>([
  ['a route', (app) => app.get('/livez', none)],
  ['a route in capitals, with a slash at its end', (app) => app.get('/LIVEZ/', none)],
  ['one of several paths', (app) => app.get(['/a', '/livez'], none)],
  ['a route of a router', (app) => app.use(router((inner) => inner.all('/livez', none)))],
  [
    'a router',
    (app) =>
      app.use(
        '/livez',
        router((inner) => inner.get('/', none)),
      ),
  ],
  [
    'a router in a router, which is mounted at two paths',
    (app) =>
      app.use(
        ['/x', '/'],
        router((inner) => inner.use(router((last) => last.route('/livez').get(none)))),
      ),
  ],
])('%s at the path of a probe is told with the path', async (_what, add) => {
  const starting = testServer({ app: defineApp(({ app }) => void add(app)), tasks: [], threads: false });
  await expect(starting).rejects.toThrow(/the route \/livez\/? belongs to the server's probes/i);
});

it('a probe’s name elsewhere is the app’s, and so is what takes any path', async () => {
  const server = await testServer({
    app: defineApp(({ app }) => {
      app.use(
        '/api',
        router((inner) => inner.get('/livez', (_req, res) => void res.send('mine'))),
      );
      app.get('/*any', (_req, res) => void res.send('any'));
    }),
    tasks: [],
    threads: false,
  });
  try {
    const text = async (path: string) => (await fetch(server.url + path)).text();
    expect([await text('/api/livez'), await text('/other')]).toEqual(['mine', 'any']);
    expect(await text('/livez')).toContain('ok');
  } finally {
    await server.close();
  }
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
