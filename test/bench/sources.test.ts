// A figure knows the sources that it depends on, as they were when it was measured. Whether that is true of what is
// committed can be told where the history is there.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { filesOf } from '../../bench/git.js';
import { readResult } from '../../bench/results.js';
import { scenarios } from '../../bench/scenarios/scenarios.js';
import { codeOf, digestAt, digestNow, isAmong, isStale, root } from '../../bench/sources.js';

const names = readdirSync(`${root}/bench/results`)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -5));

test.each([
  ['src/lane/lane.ts', true],
  ['src/lane/pool/threads.ts', true],
  ['src/lanes.ts', false],
  ['workers/hash.ts', true],
  ['workers/hash.verify.ts', false],
])('%s is among the sources: %s', (path, is) => {
  expect(isAmong(['src/lane/**', 'workers/hash.ts'], path)).toBe(is);
});

test.each(scenarios)('the sources of $name are there', ({ sources }) => {
  for (const glob of sources) expect(digestNow([glob]), glob).not.toBe(digestNow([]));
});

test('a result is stale when one of its sources has another content, and where they are not known', () => {
  const result = readResult('simulation');
  expect(result).toBeDefined();
  if (result === undefined) return;
  const sources = ['workers/hash.ts'];
  expect(isStale({ ...result, sources, sourcesDigest: digestNow(sources) })).toBe(false);
  expect(isStale({ ...result, sources, sourcesDigest: digestNow(['workers/compute.ts']) })).toBe(true);
  const { sourcesDigest: _, ...unknown } = result;
  expect(isStale({ ...unknown, sources })).toBe(true);
});

test.for(names)('the commit of %s has the sources that it was measured with', (name, context) => {
  const result = readResult(name);
  const { commit, sources = [], sourcesDigest } = result ?? {};
  // Of a commit that is not known, or whose files were changed, nobody can tell what was measured.
  if (commit === undefined) {
    expect(sourcesDigest).toBeUndefined();
    return;
  }
  expect(commit).not.toMatch(/\+$/);
  if (filesOf(root, commit) === undefined) {
    const reason = `the commit ${commit} is not in the history of this clone`;
    console.warn(`figures: skipped, ${reason}`);
    context.skip(reason);
    return;
  }
  expect(digestAt(commit, sources)).toBe(sourcesDigest);
});

test('a comment is no other source', () => {
  expect(codeOf('// one\nconst a = 1;\n')).toBe(codeOf('/** Two. */\n/*\n * three\n */\nconst a = 1;\n'));
  expect(codeOf('const a = 1;\n')).not.toBe(codeOf('const a = 2;\n'));
  expect(codeOf("const a = '//';\n")).not.toBe(codeOf("const a = '';\n"));
});

test('what is committed has the same digest as the files of the working tree', (context) => {
  // One that nobody changes while the tests run.
  const sources = ['src/version.ts'];
  const now = digestAt('HEAD', sources);
  if (now === undefined) {
    console.warn('figures: skipped, this is no git repository');
    context.skip('this is no git repository');
    return;
  }
  expect(digestNow(sources)).toBe(now);
});
