// What other packages import. Every task file does, also in its threads: what only a program needs is loaded when that
// asks for it.
import type { CpuLane, LaneOptions } from './library/lane.js';
import type { Served, ServeOptions } from './library/serve.js';

export {
  type AppCall,
  type AppContext,
  type AppDefinition,
  type CallChunks,
  type CallOptions,
  type CallTask,
  type CallValue,
  defineApp,
  type JobOptions,
  type LaterCall,
} from './app.js';
export { CallError } from './errors.js';
export type { CpuLane, LaneOptions, TaskSource } from './library/lane.js';
export type { Served, ServeOptions } from './library/serve.js';
export { type ServerEvent, type ServerEventFields, serverEvent } from './server-event.js';
export { defineTask, InputError, type TaskContext, type TaskDefinition, type TaskLog } from './task.js';
export { type ReplyOptions, reply, type TaskReply } from './task-reply.js';

/**
 * The CPU lane alone, in any Node program. Resolves when the tasks are loaded, here and by a first thread.
 * @throws TaskFileError for a file that cannot be served; ConfigError for a setting that does not fit; TypeError for a
 * name that is no setting
 */
export async function createLane(options: LaneOptions): Promise<CpuLane> {
  return (await import('./library/lane.js')).createLane(options);
}

/**
 * What the command does, from a program: starts the cluster, and resolves when all server processes are ready. The
 * settings of the environment do not count; the log goes to stdout; it ends with this process.
 * @throws Error with the primary's last line where it cannot serve; TypeError for a name that is no setting
 */
export async function serve(options: ServeOptions): Promise<Served> {
  return (await import('./library/serve.js')).serve(options);
}
