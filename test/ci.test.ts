import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'millrace-reports-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A report as Vitest writes it, as far as it is read. */
function report(
  node: string,
  files: Record<string, { failed?: Record<string, string>; message?: string }>,
): string {
  const path = join(folder, `${node}.json`);
  const testResults = Object.entries(files).map(([file, { failed = {}, message = '' }]) => ({
    name: join(root, file),
    status: message === '' && Object.keys(failed).length === 0 ? 'passed' : 'failed',
    message,
    assertionResults: [
      { status: 'passed', fullName: 'holds', failureMessages: [] },
      ...Object.entries(failed).map(([fullName, text]) => ({
        status: 'failed',
        fullName,
        failureMessages: [text],
      })),
    ].slice(message === '' ? 0 : 1),
  }));
  writeFileSync(path, JSON.stringify({ testResults }));
  return path;
}

function failures(...reports: string[]): string[] {
  const output = execFileSync(process.execPath, ['.ci/failures.js', ...reports], {
    cwd: root,
    encoding: 'utf8',
  });
  return output.trimEnd().split('\n');
}

describe('what a run of .ci/run says at its end', () => {
  it('names each failure: its Node, file, title, and how its message begins', () => {
    const first = report('v20.1.0', {
      'test/a.test.ts': { failed: { 'a server stops': 'expected 1\nto be 2' } },
    });
    const second = report('v24.1.0', {
      'test/a.test.ts': {},
      'test/b.test.ts': { message: 'no such module' },
    });
    expect(failures(first, second, join(folder, 'never-written.json'))).toEqual([
      'FAIL v20.1.0 test/a.test.ts > a server stops',
      '  expected 1',
      '  to be 2',
      'FAIL v24.1.0 test/b.test.ts > (the file)',
      '  no such module',
    ]);
  });

  it('is no longer than a screen or two, however much fails', () => {
    const long = 'line\n'.repeat(1_000);
    const failed = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`case ${index}`, long]));
    const lines = failures(report('v20.1.0', { 'test/a.test.ts': { failed } }));
    expect(lines.filter((line) => line.startsWith('FAIL'))).toHaveLength(20);
    expect(lines.at(-1)).toBe('… and 30 more');
    expect(lines.length).toBeLessThan(90);
    expect(failures(report('v20.1.0', { 'test/a.test.ts': { failed: { one: long } } }))).toHaveLength(16);
  });
});
