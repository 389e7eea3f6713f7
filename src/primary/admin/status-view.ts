// GET /status: the cluster's account, cut to what is promised to its readers.
import type { ClusterStatus } from '../cluster-status.js';

export function statusView({ primary, servers, totals }: ClusterStatus) {
  return {
    primary,
    servers: servers.map(({ pid, state, uptimeMs, eventLoopDelayMs, threads, queue, tasks }) => {
      return { pid, state, uptimeMs, eventLoopDelayMs, threads, queue, tasks };
    }),
    totals,
  };
}
