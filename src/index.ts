// What other packages import: the contracts of a task file and of an app file.
export {
  type AppContext,
  type AppDefinition,
  type CallOptions,
  type CallTask,
  type CallValue,
  defineApp,
} from './app.js';
export { CallError } from './errors.js';
export { defineTask, InputError, type TaskContext, type TaskDefinition, type TaskLog } from './task.js';
