// A folder of task files that a test may change while the server runs. It lies inside the package, so that the files
// find zod.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const parent = fileURLToPath(new URL('../../node_modules/.cache/millrace/', import.meta.url));

export interface TaskFolder {
  readonly path: string;
  /** Writes `name.js`. */
  write(name: string, source: string): void;
  [Symbol.dispose](): void;
}

export function taskFolder(): TaskFolder {
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'tasks-'));
  return {
    path,
    write: (name, source) => writeFileSync(join(path, `${name}.js`), source),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A task that answers `{ answer }`. */
export function answering(answer: string): string {
  return `import { z } from 'zod';
export default { input: z.strictObject({}), query: true, run: () => ({ answer: ${JSON.stringify(answer)} }) };
`;
}
