// What `threads: false` is there for: a test runner's coverage sees which lines of a task ran. A vitest of its own, as in
// a project that uses the package.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const project = fileURLToPath(new URL('../fixtures/coverage', import.meta.url));
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const task = join(project, 'tasks/sign.js');
const source = readFileSync(task, 'utf8').split('\n');

interface FileCoverage {
  readonly statementMap: Readonly<Record<string, { readonly start: { readonly line: number } }>>;
  readonly s: Readonly<Record<string, number>>;
}

it.each(['folder', 'definition'])(
  'a task’s file is covered line by line where it is given by its %s',
  async (how) => {
    const reports = mkdtempSync(join(tmpdir(), 'millrace-coverage-'));
    try {
      const coverage = {
        enabled: true,
        provider: 'v8',
        reporter: 'json',
        include: 'tasks/**',
        reportsDirectory: reports,
      };
      const flags = Object.entries(coverage).map(([name, value]) => `--coverage.${name}=${value}`);
      const { PATH, HOME } = process.env;
      await promisify(execFile)(
        process.execPath,
        [vitest, 'run', `${how}.test.js`, '--root', project, '--testTimeout=200000', ...flags],
        { cwd: project, env: { PATH, HOME } },
      );
      const all: Record<string, FileCoverage> = JSON.parse(
        readFileSync(join(reports, 'coverage-final.json'), 'utf8'),
      );
      const { statementMap = {}, s = {} } = all[task] ?? {};
      const ran = (text: string) =>
        Object.entries(statementMap)
          .filter(([, { start }]) => source[start.line - 1]?.includes(text))
          .map(([id]) => s[id]);
      expect(ran("sign: 'positive'")).toEqual([1]);
      expect(ran("sign: 'negative'")).toEqual([0]);
    } finally {
      rmSync(reports, { recursive: true });
    }
  },
);
