// What the primary and the server processes say to each other, and what such messages carry. No code.
import type { ServerConfig } from './config.js';
import type { LoadStep } from './load-fault.js';
import type { MetricsReport, RuntimeMetrics } from './metrics/families.js';
import type { ProcessLoad } from './metrics/process-load.js';
import type { Release } from './release.js';

/** Both sides must speak the same version: a reload may start newer code under an older primary. */
export const protocolVersion = 11;

/** Where JOBS is on: the stream by which a server process reaches the primary's store of jobs. It inherits it. */
export const jobsFd = 4;

/**
 * Why a server process should be replaced. `lost threads`: too many of them do not end; it is sound, and serves until
 * there is another one.
 */
export type Fault = 'uncaught exception' | 'lost threads';

/** The whole cluster as /readyz tells it. */
export type ClusterReadiness = 'ok' | 'unavailable';

/**
 * How a server process closes. `stop`: the whole server ends. `reload`: this process was replaced and its kept
 * connections are served until they fall silent.
 */
export type CloseMode = 'stop' | 'reload';

/** Counts of one task since its server process began. */
export interface TaskCounts {
  completed: number;
  /** Answered with the result of an identical call; of tasks that say `share` alone. */
  shared?: number;
  failed: number;
  refused: number;
  expired: number;
  cancelled: number;
  /** Calls that ran in this lane, whatever their outcome. */
  inline: number;
  thread: number;
}

/** A server process as `/status` shows it. */
export interface ServerStatus extends ProcessLoad {
  readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number };
  readonly threads: {
    readonly busy: number;
    readonly idle: number;
    /** How many there may be that work. */
    readonly max: number;
    /** Those of them that are for jobs: they are in the three numbers above, and beside POOL_MAX_THREADS. */
    readonly forJobs: number;
    /** Left to a call that goes on after its answer. */
    readonly leftover: number;
    /** Ended, and still there: native code does not return. */
    readonly stuck: number;
  };
  readonly queue: { readonly waiting: number; readonly limit: number };
  readonly tasks: Readonly<Record<string, TaskCounts>>;
}

/** What a server process has to do and did, from which the primary reckons the machine's load; sums are since it began. */
export interface LoadReport {
  /** monotonicMs() of the process: the same clock in all of them. */
  readonly atMs: number;
  /** For how long its threads have been busy with calls, not with jobs: two of them for a second are two seconds. */
  readonly threadsBusyMs: number;
  /** Estimated work of the calls that wait. */
  readonly waitingMs: number;
  /** What a call of average length would be estimated to wait now. */
  readonly expectedWaitMs: number;
  /** Time of cores that the whole process has used. */
  readonly cpuMs: number;
  readonly answers: number;
  /** Answers of 500 and above. */
  readonly errors: number;
}

/** The load of the whole machine, all server processes together. */
export interface MachineLoad {
  /** What the threads did in the last second and what waits, jobs left out, by what they can do in one second. */
  readonly load: number;
  /** What a call of average length would be estimated to wait now. */
  readonly waitSeconds: number;
  /** CPU that was used, by all there is. */
  readonly cpuUtilization: number;
  readonly answersPerSecond: number;
  readonly errorsPerSecond: number;
}

/** What a server process did with a client's CPU quota since it last told, and what it expects to need. */
export interface QuotaReport {
  readonly client: string;
  /** CPU time it took from the client's account by itself; below 0: it brings back what it did not use. */
  readonly drewMs: number;
  readonly wantMs: number;
}

export interface QuotaGrant {
  readonly client: string;
  /** CPU time that the server process may spend from now on. It is no longer in the account. */
  readonly grantedMs: number;
  /** What the account then holds; below 0: a debt. */
  readonly leftMs: number;
}

/** One grant per report. */
export interface QuotaAnswer {
  readonly grants: readonly QuotaGrant[];
  /** How many server processes share the quotas now. */
  readonly processes: number;
}

export type ToServer =
  /** With the listening socket, where it is to accept connections by itself. */
  | {
      readonly type: 'boot';
      readonly protocol: number;
      readonly slot: number;
      readonly config: ServerConfig;
      readonly readiness: ClusterReadiness;
    }
  | { readonly type: 'readiness'; readonly readiness: ClusterReadiness }
  /** Where it has changed. */
  | { readonly type: 'load'; readonly load: MachineLoad }
  /** Asks for a report, and for the process's own figures where they are wanted: they cost about a millisecond. */
  | { readonly type: 'report'; readonly id: number; readonly runtime: boolean }
  /** The answer to each `quota`. */
  | ({ readonly type: 'quota' } & QuotaAnswer)
  /** With a connection, to be answered by `received`. */
  | { readonly type: 'connection'; readonly seq: number }
  /** Nothing was heard of this connection: to be answered where it did not come. */
  | { readonly type: 'received?'; readonly seq: number }
  /** Drain and leave; `timeoutMs` from now, then what is open is cut. */
  | { readonly type: 'close'; readonly mode: CloseMode; readonly timeoutMs: number };

export type ToPrimary =
  /** Sent first: the code has been loaded and waits for `boot`. */
  | { readonly type: 'hello'; readonly protocol: number }
  /** It is about to import this file, or to run the app's setup; null: all that is done. Without a step: imports. */
  | { readonly type: 'loading'; readonly file: string | null; readonly step?: LoadStep }
  /** All that it has to read and import can be served, and connections can be taken: its threads are left to start. */
  | { readonly type: 'loaded' }
  /** Loaded, it will not be ready after all: it takes no connections any more, and leaves when those it has are answered. */
  | { readonly type: 'unloaded' }
  /** Its first thread has loaded the tasks: it takes connections beside others, and calls need not wait. */
  | { readonly type: 'ready'; readonly release: Release }
  /** Whether it has the connection. */
  | { readonly type: 'received'; readonly seq: number; readonly ok: boolean }
  /** The event loop turns. */
  | { readonly type: 'beat'; readonly load: LoadReport }
  /** What it has counted so far: when it was asked (`id`), and once more before it leaves. */
  | {
      readonly type: 'report';
      readonly id: number | null;
      readonly status: ServerStatus;
      readonly load: LoadReport;
      readonly metrics: MetricsReport;
      readonly runtime: RuntimeMetrics | null;
    }
  /** Answered by `quota`; the next one comes after the answer. */
  | { readonly type: 'quota'; readonly reports: readonly QuotaReport[] }
  /** An X-Forwarded-For has come to it, and TRUST_PROXY is unset. Once. */
  | { readonly type: 'proxied' }
  /** It cannot boot: one line. `final`: another attempt would not change that (a bad task file, an address in use). */
  | { readonly type: 'unbootable'; readonly line: string; readonly final: boolean }
  /** It met a fault of its own, and serves on: time to replace it. */
  | { readonly type: 'failing'; readonly reason: Fault }
  /** The last message of a drain: how many accepted calls had to be cut. */
  | { readonly type: 'closed'; readonly cut: number };
