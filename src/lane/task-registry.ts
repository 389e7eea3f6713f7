// Reads the task folders once, at boot, and refuses bad files. A URL never becomes a path: routes are made from
// what was found here.
import type { TaskDefinition } from '../task.js';

export interface Task {
  /** The file's name without extension: `hash.verify`. */
  readonly name: string;
  /** `/hash/verify` */
  readonly route: string;
  /** The module's file:// URL, for the threads to import. */
  readonly module: string;
  readonly definition: TaskDefinition;
}

/** A task file that cannot be served: one line that names the file. Ends the boot with 78. */
export class TaskFileError extends Error {
  override readonly name = 'TaskFileError';
}
