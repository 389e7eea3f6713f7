import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { generateTables } from '#src/cli/settings-table.js';
import { duration, textTable } from '#src/cli/text-table.js';
import { settings } from '#src/config.js';
import { startCluster } from '../support/cluster.js';
import { millrace } from '../support/command.js';

const thisFile = fileURLToPath(import.meta.url);

describe('millrace', () => {
  it('--help names every command, flag and setting, in lines that fit a terminal', async () => {
    const { code, stdout } = await millrace(['--help']);
    expect(code).toBe(0);
    for (const word of ['check', 'status', 'reload', 'new-task NAME', '--port VALUE', '--json']) {
      expect(stdout).toContain(`  ${word}`);
    }
    for (const { variable } of Object.values(settings)) expect(stdout).toContain(`\n  ${variable} `);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(96);
  });

  it('--version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await millrace(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([
    ['an unknown command', ['go'], {}],
    ['an unknown flag', ['--prot', '1'], {}],
    ['a flag without its value', ['--port'], {}],
    ['a value that does not fit', ['check', '--port', 'x'], {}],
    ['a variable that does not fit', ['check'], { WORKERS: '0' }],
    ['a task folder that is not there', ['check', '--tasks', '/nowhere'], {}],
    ['an admin server that is switched off', ['status'], { ADMIN_PORT: 'off' }],
    ['an address of another machine', ['check', '--host', '192.0.2.1'], {}],
    ['an admin server on another machine', ['check'], { ADMIN_HOST: '192.0.2.1' }],
    ['a name that nobody knows', ['check', '--host', 'nowhere.invalid'], {}],
    ['a socket in a folder that is not there', ['check', '--host', 'unix:/nowhere/millrace.sock'], {}],
    ['a socket where a file is', ['check', '--host', `unix:${thisFile}`], {}],
    ['a folder of jobs below a file', ['check'], { JOBS_DIR: `${thisFile}/jobs` }],
    ['an address that is none', ['reload', '--admin-url', 'ftp://x'], {}],
  ])('ends with 78 and one line for %s', async (_, args, env) => {
    const { code, stdout, stderr } = await millrace(args, { env });
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toMatch(/^millrace: [^\n]+\n$/);
  });

  it('check tells what would run', async () => {
    const { code, stdout } = await millrace(['check', '--workers', '3', '--threads=4', '--port', '8080']);
    expect(code).toBe(0);
    expect(stdout).toContain('3 server processes × 4 threads at http://127.0.0.1:8080');
    expect(stdout).toMatch(/\nhash +POST \/hash \(JSON or bytes\), GET \/hash +built in\n/);
    expect(stdout).toMatch(/\ncompute +POST \/compute, GET \/compute\/:operation +built in\n/);
  });

  it('check takes nothing of what it looks at, and what runs there is not in its way', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'check-'));
    try {
      await using cluster = await startCluster({
        env: { WORKERS: '1', JOBS_DIR: join(folder, 'jobs'), HOST: `unix:${folder}/socket` },
      });
      const { port } = new URL(cluster.adminUrl);
      const env = { JOBS_DIR: join(folder, 'jobs'), HOST: `unix:${folder}/socket`, ADMIN_PORT: port };
      expect(await millrace(['check'], { env })).toMatchObject({ code: 0, stderr: '' });
      const others = { JOBS_DIR: join(folder, 'a/b'), HOST: `unix:${folder}/other` };
      expect(await millrace(['check'], { env: others })).toMatchObject({ code: 0, stderr: '' });
      expect(readdirSync(folder).sort()).toEqual(['jobs', 'socket']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the README', () => {
  it('has the tables that the code gives (else: npm run docs)', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    expect(readme).toBe(generateTables(readme));
  });

  it('must have the markers of its tables', () => {
    expect(() => generateTables('# nothing')).toThrow('<!-- settings -->');
  });
});

describe('text', () => {
  it('stands in columns, numbers to the right', () => {
    expect(
      textTable([
        ['A', 'COUNT'],
        ['long', 5],
        ['b', 12],
      ]),
    ).toBe('A     COUNT\nlong      5\nb        12');
  });

  it.each([
    [0, '0s'],
    [59_999, '59s'],
    [60_000, '1m 0s'],
    [3_600_000, '1h 0m'],
    [90_061_000, '1d 1h'],
  ])('%i ms are %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});
