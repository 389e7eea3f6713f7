// Writes what the documents have from the code and from the bench's results, between their markers. Tests hold them to it.
import { readFileSync, writeFileSync } from 'node:fs';
import { writeReport } from './bench/report/report.js';
import { readResult } from './bench/results.js';
import { generateTables } from './dist/src/cli/settings-table.js';

const readme = new URL('README.md', import.meta.url);
writeFileSync(readme, generateTables(readFileSync(readme, 'utf8')));
writeReport(readResult);
