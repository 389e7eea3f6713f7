// How often the kernel has stopped this process because its CPU quota was spent: what a CPU limit costs the event loops,
// which no other figure shows.
import { quotaFolders, type ReadText } from '../core-budget.js';

/**
 * Periods in which the process's own group, or one above it, was throttled; undefined where the kernel tells of none.
 * @param read reads /proc/self/cgroup, /proc/self/mountinfo and the groups' cpu.stat (cgroup v1 and v2)
 */
export function throttledPeriods(read: ReadText): number | undefined {
  const folders = quotaFolders(read('/proc/self/cgroup') ?? '', read('/proc/self/mountinfo') ?? '');
  const files = new Set(folders.map(({ path }) => `${path}/cpu.stat`));
  const counts = [...files].flatMap((file) => {
    const [, periods] = /^nr_throttled (\d+)$/m.exec(read(file) ?? '') ?? [];
    return periods === undefined ? [] : [Number(periods)];
  });
  return counts.length === 0 ? undefined : counts.reduce((sum, one) => sum + one, 0);
}
