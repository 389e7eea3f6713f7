// Writes the tables of the README that are generated from the code, between their markers. A test holds them to it.
import { readFileSync, writeFileSync } from 'node:fs';
import { generateTables } from './dist/src/cli/settings-table.js';

const readme = new URL('README.md', import.meta.url);
writeFileSync(readme, generateTables(readFileSync(readme, 'utf8')));
