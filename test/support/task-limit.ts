// A limit on how many processes and threads there may be, on a running process: a control group of the system's.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Version 1's own hierarchy, or version 2's only one where it hands the controller on. */
const roots = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'];

export interface TaskLimit {
  /** No further thread or process of this process can be started. */
  full(): void;
  lift(): void;
}

let made = 0;

/** Undefined where this user may make no such group. */
function makeGroup(): string | undefined {
  for (const root of roots) {
    const group = join(root, `millrace-test-${process.pid}-${made++}`);
    try {
      mkdirSync(group);
      if (existsSync(join(group, 'pids.max'))) return group;
      rmdirSync(group);
    } catch {
      // Not here.
    }
  }
  return undefined;
}

function removeGroup(group: string): void {
  try {
    rmdirSync(group);
  } catch {
    // Somebody is in it yet: an empty group more harms nobody.
  }
}

export const canLimitTasks = ((): boolean => {
  const group = makeGroup();
  if (group !== undefined) removeGroup(group);
  return group !== undefined;
})();

/** Puts the process, without those that it has started, into a group of its own. */
export function limitTasks(pid: number): TaskLimit {
  const group = makeGroup();
  if (group === undefined) throw new Error('There is no control group for it.');
  writeFileSync(join(group, 'cgroup.procs'), String(pid));
  onTestFinished(() => removeGroup(group));
  const setMax = (max: string): void => writeFileSync(join(group, 'pids.max'), max);
  return {
    full: () => setMax(readFileSync(join(group, 'pids.current'), 'utf8').trim()),
    lift: () => setMax('max'),
  };
}
