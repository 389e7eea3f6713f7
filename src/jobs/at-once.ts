// How many jobs of a task a process may have at a time, for tasks that have such a limit.

/** By the task's name. */
export type AtOnce = Readonly<Record<string, number>>;

/** @param here the tasks of the jobs that the process has */
export function isFull(atOnce: AtOnce, task: string, here: Iterable<string>): boolean {
  const most = atOnce[task];
  if (most === undefined) return false;
  let count = 0;
  for (const one of here) if (one === task) count++;
  return count >= most;
}
