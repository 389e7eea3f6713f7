import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { codeDigest } from '#src/tasks/code-digest.js';
import { addCode, type CodeFiles } from '#src/tasks/pinned-code.js';

/** Of a task in a folder of its own, which imports `./_help.js`. */
function digestOf(task: string, help: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-digest-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'task.js');
  writeFileSync(file, task);
  writeFileSync(join(folder, '_help.js'), help);
  writeFileSync(join(folder, 'other.js'), String(Math.random()));
  const files: CodeFiles = new Map();
  for (const path of [join(folder, 'other.js'), file]) addCode(files, path);
  return codeDigest(files, pathToFileURL(file).href);
}

it('a task has the same digest wherever it lies, until its file or one that it imports is another', () => {
  const task = "import { help } from './_help.js';\nexport default { run: help };\n";
  const help = 'export const help = () => 1;\n';
  const digest = digestOf(task, help);
  expect(digestOf(task, help)).toBe(digest);
  expect(digestOf(`${task} `, help)).not.toBe(digest);
  expect(digestOf(task, `${help} `)).not.toBe(digest);
});
