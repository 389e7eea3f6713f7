// A call's context for tests that run a task's function directly.
import type { TaskContext } from '#src/task.js';

export function taskContext(signal: AbortSignal = new AbortController().signal): TaskContext {
  const ignore = () => {};
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  return { signal, log, client: 'test', requestId: undefined, setup: undefined, progress: ignore };
}
