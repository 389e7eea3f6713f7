// Writes the documents' tables and the charts from the results that are kept. Nobody edits those by hand.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readComparisons } from '../results.js';
import { isStale } from '../sources.js';
import { charts, contentOf, documents } from './documents.js';
import { fillMarkers } from './markers.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** @param {import('../results.js').ReadResult} read */
export function writeReport(read) {
  const comparisons = readComparisons();
  for (const path of documents) {
    if (!existsSync(root + path)) continue;
    const text = readFileSync(root + path, 'utf8');
    writeFileSync(
      root + path,
      fillMarkers(text, (name) => contentOf(name, read, isStale, comparisons)),
    );
  }
  for (const [path, svg] of Object.entries(charts(read))) writeFileSync(root + path, svg);
}
