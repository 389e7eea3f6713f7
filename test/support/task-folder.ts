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

/** A statement at the top of a task file: its import waits until the file `gate` is there. */
export function waitsFor(gate: string): string {
  return `while (!(await import('node:fs')).existsSync(${JSON.stringify(gate)}))
  await (await import('node:timers/promises')).setTimeout(10);
`;
}

/** A task that answers `{ answer }`. */
export function answering(answer: string): string {
  return `import { z } from 'zod';
export default { input: z.strictObject({}), query: true, run: () => ({ answer: ${JSON.stringify(answer)} }) };
`;
}
