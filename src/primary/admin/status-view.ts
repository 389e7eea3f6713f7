// GET /status: the cluster's account, cut to what is promised to its readers.
import type { JobCounts } from '../../jobs/store.js';
import type { ClusterStatus } from '../cluster-status.js';
import type { TaskLatency } from './recent-calls.js';

/**
 * @param latencyMs by task, of the last minute
 * @param jobs null: none are kept, or nobody can tell now
 */
export function statusView(
  { primary, lane, servers, totals }: ClusterStatus,
  latencyMs: Readonly<Record<string, TaskLatency>>,
  jobs: JobCounts | null,
) {
  return {
    primary,
    lane,
    servers: servers.map(
      ({ pid, state, uptimeMs, release, memoryBytes, cpuCores, eventLoopDelayMs, threads, queue, tasks }) => {
        return {
          pid,
          state,
          uptimeMs,
          release,
          memoryBytes,
          cpuCores,
          eventLoopDelayMs,
          threads,
          queue,
          tasks,
        };
      },
    ),
    totals,
    latencyMs,
    jobs: jobs && { ...jobs.states, oldestMs: Math.round(jobs.oldestMs), reruns: jobs.reruns },
  };
}
