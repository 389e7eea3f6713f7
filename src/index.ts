// What other packages import. Every task file does, also in its threads: what only a program needs is loaded when that
// asks for it.
import type { CpuLane, LaneOptions } from './library/lane.js';

export {
  type AppContext,
  type AppDefinition,
  type CallOptions,
  type CallTask,
  type CallValue,
  defineApp,
} from './app.js';
export { CallError } from './errors.js';
export type { CpuLane, LaneOptions, TaskSource } from './library/lane.js';
export { defineTask, InputError, type TaskContext, type TaskDefinition, type TaskLog } from './task.js';

/**
 * The CPU lane alone, in any Node program. Resolves when the tasks are loaded and a first thread has run something.
 * @throws TaskFileError for a file that cannot be served; ConfigError for a setting that does not fit; TypeError for a
 * name that is no setting
 */
export async function createLane(options: LaneOptions): Promise<CpuLane> {
  return (await import('./library/lane.js')).createLane(options);
}
