// Where files of this package lie. The one that asks where it lies itself: the build puts modules of all folders
// together into files of `dist/src`, so that only the place of a file that stands there is the same before and after.
import { fileURLToPath } from 'node:url';

/** Of what the build makes. @param path from `dist`: `src/main.js` */
export function builtFile(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

/** Without links: which one `current` was at the start of the process. */
export const packageFolder = fileURLToPath(new URL('../..', import.meta.url));
