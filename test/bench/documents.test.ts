// Figures in the documents are what the committed results give: nobody edits them by hand, nothing is out of date.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { charts, contentOf, documents } from '../../bench/report/documents.js';
import { fillMarkers, readMarkers } from '../../bench/report/markers.js';
import { readComparisons, readResult } from '../../bench/results.js';
import { scenarios } from '../../bench/scenarios/scenarios.js';
import { isStale } from '../../bench/sources.js';

const comparisons = readComparisons();
const root = fileURLToPath(new URL('../../', import.meta.url));

test.each(documents)('%s shows the figures of the committed results', (path) => {
  const text = readFileSync(root + path, 'utf8');
  const made = fillMarkers(text, (name) => contentOf(name, readResult, isStale, comparisons));
  // Also where sources have changed since a figure was measured: its table says so.
  expect(made, '`npm run docs` writes it anew').toBe(text);
});

test.each(scenarios)(
  'the result of $name is committed, unless it is said to be pending',
  ({ name, pending }) => {
    if (pending) expect(readResult(name)).toBeUndefined();
    else expect(readResult(name)?.variants).toBeDefined();
  },
);

const markers = documents.flatMap((path) =>
  readMarkers(readFileSync(root + path, 'utf8')).map((marker) => ({ path, ...marker })),
);

test.each(markers)('$path shows something for $name', ({ name, content }) => {
  expect(contentOf(name, readResult, isStale, comparisons)).toBeDefined();
  expect(content.trim()).not.toBe('');
});

test.each(Object.entries(charts(readResult)))('%s is drawn from the committed results', (path, svg) => {
  expect(existsSync(root + path)).toBe(true);
  expect(readFileSync(root + path, 'utf8')).toBe(svg);
});

test('a marker in a line is filled in the line, one between lines as lines of their own', () => {
  const text = 'p99 <!-- bench:a/b/c -->1<!-- /bench:a/b/c --> ms\n<!-- bench:t -->\n<!-- /bench:t -->\n';
  const filled = fillMarkers(text, (name) => (name === 't' ? '| x |' : '2'));
  expect(filled).toBe(
    'p99 <!-- bench:a/b/c -->2<!-- /bench:a/b/c --> ms\n<!-- bench:t -->\n| x |\n<!-- /bench:t -->\n',
  );
  expect(fillMarkers(filled, (name) => (name === 't' ? '| x |' : '2'))).toBe(filled);
});
