// The primary's account of the cluster, in the shape of the admin server's `/status`. It only tells; it decides
// nothing.
import { monotonicMs } from '../clock.js';
import type { MachineLoad, ServerStatus, TaskCounts } from '../messages.js';
import type { ProcessLoad } from '../metrics/process-load.js';
import type { Release } from '../release.js';
import type { Exit } from './server-exit.js';
import type { ServerHandle, ServerState } from './server-handle.js';

export type PrimaryState = 'starting' | 'ready' | 'degraded' | 'stopping';

export interface Reload {
  readonly id: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Null while it runs, as is the outcome. */
  readonly finishedAt: string | null;
  readonly outcome: 'completed' | 'aborted' | null;
  readonly reason: string | null;
}

export interface PrimaryStatus extends ProcessLoad {
  readonly pid: number;
  readonly state: PrimaryState;
  readonly uptimeMs: number;
  /** Server processes that were lost: they ended without being asked to, or only by force. */
  readonly restarts: number;
  /** The last one that has ended. */
  readonly lastReload: Reload | null;
  /** The last 20, oldest first; the last of them may still run. */
  readonly reloads: readonly Reload[];
  /** The last 20, oldest first. */
  readonly exits: readonly Exit[];
}

export interface ServerEntry extends ServerStatus {
  readonly pid: number;
  readonly slot: number;
  readonly state: ServerState;
  /** How often a process was lost in its slot. */
  readonly losses: number;
  readonly uptimeMs: number;
  /** The code that it runs; null until it is ready. */
  readonly release: Release | null;
}

export type Totals = Readonly<Record<string, Readonly<TaskCounts>>>;

export interface ClusterStatus {
  readonly primary: PrimaryStatus;
  /** Of the whole machine. */
  readonly lane: Pick<MachineLoad, 'load' | 'waitSeconds'>;
  readonly servers: readonly ServerEntry[];
  /** Counts by task, of all server processes that ever were. */
  readonly totals: Totals;
}

export function serverEntry(server: ServerHandle, losses: number): ServerEntry {
  const { pid, slot, state, config } = server;
  const uptimeMs = Math.round(monotonicMs() - server.forkedMs);
  const none: ServerStatus = {
    memoryBytes: 0,
    cpuCores: 0,
    eventLoopDelayMs: { p50: 0, p99: 0 },
    threads: { busy: 0, idle: 0, max: config.poolMaxThreads, forJobs: 0, leftover: 0, stuck: 0 },
    queue: { waiting: 0, limit: config.poolMaxQueue },
    tasks: {},
  };
  return { pid, slot, state, losses, uptimeMs, release: server.release ?? null, ...(server.status ?? none) };
}

/** Counts by task. */
export type TotalsByTask = Map<string, Readonly<TaskCounts>>;

function added(before: Readonly<TaskCounts>, counts: Readonly<TaskCounts>): TaskCounts {
  const sum = { ...before };
  for (const name of Object.keys(counts) as (keyof TaskCounts)[])
    sum[name] = (sum[name] ?? 0) + (counts[name] ?? 0);
  return sum;
}

/** Adds in place. */
export function addCounts(sum: TotalsByTask, tasks: Totals): TotalsByTask {
  for (const [task, counts] of Object.entries(tasks)) {
    const before = sum.get(task);
    sum.set(task, before === undefined ? counts : added(before, counts));
  }
  return sum;
}
