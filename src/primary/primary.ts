// The supervisor: a table of slots with a server process in each, and four verbs: reload, resize, close, force. It
// serves no user. How slots are kept filled is slot-table.ts; what a process is, server-handle.ts.
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../clock.js';
import type { ServerConfig } from '../config.js';
import type { Logger } from '../log.js';
import type { ClusterReadiness, MachineLoad } from '../messages.js';
import { watchMachineLoad } from '../metrics/machine-load.js';
import { createProcessLoad } from '../metrics/process-load.js';
import type { ClusterCounts } from './cluster-counts.js';
import type { ClusterEvent } from './cluster-event.js';
import { type ClusterStatus, type PrimaryState, serverEntry } from './cluster-status.js';
import { drainTimeMs } from './drain-time.js';
import { type ExitCode, exitCodes, type Outcome } from './exit-codes.js';
import type { Fork } from './fork.js';
import type { PublicPort } from './public-port.js';
import { createQuotaAccounts } from './quota-accounts.js';
import { createRefresh, type Figures } from './refresh.js';
import { createReloads } from './reloads.js';
import { rollingReload } from './rolling-reload.js';
import type { ServerHandle } from './server-handle.js';
import { SlotTable } from './slot-table.js';
import type { Timings } from './timings.js';

export interface PrimaryOptions {
  /** What a server process works with where this many of them share the cores. */
  readonly configFor: (serverProcesses: number) => ServerConfig;
  readonly serverProcesses: number;
  /** Starts a process for a server. */
  readonly fork: Fork;
  readonly publicPort: PublicPort;
  readonly timings: Timings;
  readonly log: Logger;
  /** All server processes are ready for the first time: these, and what they work with. */
  onListening(servers: readonly ServerConfig[]): void;
  onEvent?(event: ClusterEvent): void;
}

export interface Primary {
  readonly done: Promise<Outcome>;
  /**
   * Drains everything, then `done`. `code`: what a clean drain ends with. A second call changes nothing but that: a
   * fault on the way counts.
   */
  close(reason: string, code?: ExitCode): Promise<Outcome>;
  /** Ends everything now. */
  force(reason: string): void;
  /**
   * Replaces every server process by a new one, one at a time; the new one is ready before the old one drains.
   * @returns the reload's id, or undefined where there can be none now
   */
  reload(): string | undefined;
  /** The same, but during another reload, or a start: after it. */
  reloadNext(): void;
  /** One server process more or fewer, at least one. */
  resize(by: 1 | -1): void;
  readonly state: PrimaryState;
  /** Whether anybody can be served. */
  readonly readiness: ClusterReadiness;
  /** As of the last half second. */
  machineLoad(): MachineLoad;
  /** As it was told last: `refresh` gets what is new. */
  snapshot(): ClusterStatus;
  readonly counts: ClusterCounts;
  /** Server processes in the table or on their way out of it. */
  readonly servers: Iterable<ServerHandle>;
  /** Gets the server processes' figures. Takes a quarter of a second at most, and never fails. */
  refresh(figures: Figures): Promise<void>;
}

export function startPrimary(options: PrimaryOptions): Primary {
  const { configFor, serverProcesses, publicPort, fork, timings, log, onEvent = () => {} } = options;
  const config = configFor(serverProcesses);
  const { bootTimeoutMs, shutdownDelayMs, shutdownTimeoutMs } = config;
  const drainMs = drainTimeMs(config, timings);
  const startedMs = monotonicMs();
  let stage: 'starting' | 'serving' | 'stopping' | 'draining' = 'starting';
  const isStopping = () => stage === 'stopping' || stage === 'draining';
  let readiness: ClusterReadiness = 'unavailable';
  let allAnswered = true;
  let cleanCode: ExitCode = exitCodes.ok;
  let warnedOfProxy = false;
  let finish: (outcome: Outcome) => void = () => {};
  const done = new Promise<Outcome>((resolve) => {
    finish = resolve;
  });
  const table = new SlotTable({
    configFor,
    fork,
    bootTimeoutMs,
    drainMs,
    timings,
    log,
    quotas: createQuotaAccounts(config.cpuQuotaMsPerMinute),
    readiness: () => readiness,
    publicPort,
    onChange: judge,
    onExit: (server) => {
      if (stage === 'draining' && !server.answeredAll) allAnswered = false;
    },
    onProxied: warnOfProxy,
    onHopeless: end,
    onEvent,
  });
  const reloads = createReloads({
    run: () => rollingReload({ table, isStopping, drainMs }).finally(() => table.fill()),
    obstacle: () => (table.everReady && !isStopping() ? undefined : `the server is ${state()}`),
    release: () => table.release,
    log,
    onEvent,
  });
  publicPort.handover.onBlocked = judge;
  for (let i = 0; i < serverProcesses; i++) table.add();
  table.fill();
  const refresh = createRefresh(table.live());
  const processLoad = createProcessLoad();
  const loads = watchMachineLoad(table.live());
  return {
    done,
    close,
    force,
    reload: reloads.start,
    reloadNext: reloads.request,
    resize,
    get state() {
      return state();
    },
    get readiness() {
      return readiness;
    },
    machineLoad: loads.read,
    snapshot,
    counts: table.counts,
    servers: table.live(),
    refresh,
  };

  /** What the table means for the cluster as a whole, told where it changed. */
  function judge(): void {
    const isServing = table.anyServing && !publicPort.handover.isBlocked;
    const now: ClusterReadiness = isServing && !isStopping() ? 'ok' : 'unavailable';
    if (now !== readiness) {
      readiness = now;
      log.info({ readiness }, 'readiness changed');
      for (const server of table.live()) server.tellReadiness(readiness);
    }
    if (stage === 'starting' && table.allReady) {
      stage = 'serving';
      options.onListening(table.configs);
    }
    reloads.look();
  }

  function resize(by: 1 | -1): void {
    if (isStopping()) return;
    if (by === -1 && table.slots.length === 1) {
      log.warn('one server process is the least there can be');
      return;
    }
    if (by === 1) {
      table.add();
    } else {
      const removed = table.remove();
      for (const server of [removed?.server, removed?.successor])
        void server?.close('reload', drainMs, 'fewer processes');
    }
    onEvent({ type: 'resized', serverProcesses: table.slots.length });
    log.info({ serverProcesses: table.slots.length }, `one server process ${by === 1 ? 'more' : 'fewer'}`);
    table.changed();
    table.fill();
  }

  /** Once, whoever tells: all clients of that proxy share one fair turn and one quota. */
  function warnOfProxy(): void {
    if (warnedOfProxy) return;
    warnedOfProxy = true;
    log.warn(
      'X-Forwarded-For arrives, but TRUST_PROXY is unset: the proxy counts as the client of all its requests',
    );
  }

  async function close(reason: string, code: ExitCode = exitCodes.ok): Promise<Outcome> {
    if (code !== exitCodes.ok) cleanCode = code;
    if (isStopping()) return done;
    stage = 'stopping';
    log.info({ reason, shutdownDelayMs, shutdownTimeoutMs }, 'stopping');
    onEvent({ type: 'stopping', reason });
    judge();
    // Service as usual, so what dies is replaced as usual.
    if (table.everReady && shutdownDelayMs > 0) await delay(shutdownDelayMs);
    table.close();
    stage = 'draining';
    log.info({ serverProcesses: table.live().size }, 'draining');
    const deadlineMs = monotonicMs() + shutdownTimeoutMs;
    await publicPort.close(shutdownTimeoutMs);
    const leftMs = Math.max(0, deadlineMs - monotonicMs());
    await Promise.all([...table.live()].map((server) => server.close('stop', leftMs, 'stop')));
    loads.close();
    log.info({ allAnswered }, 'stopped');
    finish({ code: allAnswered ? cleanCode : exitCodes.forced });
    return done;
  }

  function force(reason: string): void {
    log.warn({ reason }, 'ending at once');
    end({ code: exitCodes.forced });
  }

  /** Without drain: nobody is served, or nobody wants to wait. */
  function end(outcome: Outcome): void {
    stage = 'draining';
    table.close();
    loads.close();
    for (const server of table.live()) server.kill();
    finish(outcome);
  }

  function state(): PrimaryState {
    if (isStopping()) return 'stopping';
    if (table.everReady && table.isDamaged) return 'degraded';
    return stage === 'serving' ? 'ready' : 'starting';
  }

  function snapshot(): ClusterStatus {
    const dead = table.slots.flatMap(({ lost }) => (lost?.state === 'dead' ? [lost] : []));
    const { load, waitSeconds } = loads.read();
    const lossesOf = (number: number) => table.slots.find((slot) => slot.number === number)?.losses ?? 0;
    return {
      primary: {
        pid: process.pid,
        state: state(),
        uptimeMs: Math.round(monotonicMs() - startedMs),
        restarts: table.counts.restarts,
        ...processLoad(),
        lastReload: reloads.all.findLast(({ outcome }) => outcome !== null) ?? null,
        reloads: reloads.all,
        exits: table.counts.exits,
      },
      lane: { load, waitSeconds },
      servers: [...table.live(), ...dead].map((server) => serverEntry(server, lossesOf(server.slot))),
      totals: table.counts.totals(),
    };
  }
}
