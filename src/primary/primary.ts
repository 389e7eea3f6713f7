// The supervisor: a table of slots with a server process in each, and the verbs close, reload, resize and fill.
// It serves no user. When a lost process may be replaced is respawn-policy.ts; what a process is, server-handle.ts.
import cluster from 'node:cluster';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../clock.js';
import type { ServerConfig } from '../config.js';
import type { Logger } from '../log.js';
import type { ClusterReadiness } from '../messages.js';
import { Books } from './books.js';
import type { ClusterEvent } from './cluster-event.js';
import { type ClusterStatus, type PrimaryState, type Reload, serverEntry } from './cluster-status.js';
import { type ExitCode, exitCodes } from './exit-codes.js';
import { watchHandover } from './handover.js';
import { createQuotaBook } from './quota-book.js';
import { createRefresh, type Figures } from './refresh.js';
import { afterDeath, afterFork, giveUp, initialRespawn } from './respawn-policy.js';
import { type Exit, ServerHandle } from './server-handle.js';
import type { Timings } from './timings.js';

export interface PrimaryOptions {
  /** What a server process works with where this many of them share the cores. */
  readonly configFor: (serverProcesses: number) => ServerConfig;
  readonly serverProcesses: number;
  readonly timings: Timings;
  readonly log: Logger;
  /** All server processes are ready for the first time. */
  onListening(): void;
  onEvent?(event: ClusterEvent): void;
}

/** How it ended. `line`: for the user, where it did not end because it was asked to. */
export interface Outcome {
  readonly code: ExitCode;
  readonly line?: string;
}

export type ReloadAnswer = 'started' | 'busy';

export interface Primary {
  readonly done: Promise<Outcome>;
  /** Drains everything, then `done`. A second call changes nothing. `code`: what a clean drain ends with. */
  close(reason: string, code?: ExitCode): Promise<Outcome>;
  /** Ends everything now. */
  force(reason: string): void;
  /** Replaces every server process by a new one, one at a time; the new one is ready before the old one drains. */
  reload(): ReloadAnswer;
  /** One server process more or fewer, at least one. */
  resize(by: 1 | -1): void;
  /** As it was told last: `refresh` gets what is new. */
  snapshot(): ClusterStatus;
  readonly books: Books;
  /** Server processes in the table or on their way out of it. */
  readonly servers: Iterable<ServerHandle>;
  /** Gets the server processes' figures. Takes a quarter of a second at most, and never fails. */
  refresh(figures: Figures): Promise<void>;
}

/** A place in the table. It stays when its server process is replaced. */
interface Slot {
  readonly number: number;
  server: ServerHandle | undefined;
  /** During a reload: the process that is to take the place. */
  successor: ServerHandle | undefined;
  /** The process that was lost here last, until the next one is forked. */
  lost: ServerHandle | undefined;
  losses: number;
}

const keptExits = 20;

export function startPrimary(options: PrimaryOptions): Primary {
  const { timings, log, onEvent = () => {} } = options;
  const startedMs = monotonicMs();
  const slots: Slot[] = [];
  const alive = new Set<ServerHandle>();
  const exits: Exit[] = [];
  const books = new Books(alive);
  let stage: 'starting' | 'serving' | 'stopping' = 'starting';
  let everReady = false;
  let readiness: ClusterReadiness = 'unavailable';
  let healthySinceMs: number | undefined;
  let respawn = initialRespawn;
  let fillTimer: NodeJS.Timeout | undefined;
  let bootDeaths = 0;
  let allAnswered = true;
  let reloading = false;
  let lastReload: Reload | null = null;
  let finish: (outcome: Outcome) => void = () => {};
  const done = new Promise<Outcome>((resolve) => {
    finish = resolve;
  });

  const { cpuQuotaMsPerMinute, bootTimeoutMs, shutdownDelayMs, shutdownTimeoutMs } = options.configFor(
    options.serverProcesses,
  );
  const quotas = createQuotaBook(cpuQuotaMsPerMinute);
  const bootTimer = setTimeout(() => {
    const outcome = hopeless('still starting');
    if (outcome !== undefined) end(outcome);
  }, bootTimeoutMs);

  for (let number = 1; number <= options.serverProcesses; number++) slots.push(emptySlot(number));
  fill();
  return {
    done,
    close,
    force,
    reload,
    resize,
    snapshot,
    books,
    servers: alive,
    refresh: createRefresh(alive),
  };

  // --- The table ---

  /** Forks what is missing, as far and as soon as the policy allows. The one place that starts replacements. */
  function fill(): void {
    clearTimeout(fillTimer);
    if (stage === 'stopping') return;
    // Until one was ready only the first slot is tried: what is wrong with it is wrong with all.
    const places = everReady ? slots : slots.slice(0, 1);
    for (const slot of places) {
      if (slot.server !== undefined || slot.successor !== undefined) continue;
      const waitMs = respawn.notBeforeMs - monotonicMs();
      if (waitMs > 0) {
        fillTimer = setTimeout(fill, waitMs);
        return;
      }
      if (slot.lost !== undefined) books.restarted(slot.lost.reason);
      slot.lost = undefined;
      slot.server = fork(slot.number);
      respawn = afterFork(respawn, { nowMs: monotonicMs(), chance: Math.random() }, timings);
    }
  }

  function fork(slot: number): ServerHandle {
    const worker = cluster.fork();
    const handOver = watchHandover(worker);
    const server = new ServerHandle(worker, {
      slot,
      config: options.configFor(slots.length),
      timings,
      log,
      readiness: () => readiness,
      onReady: () => {
        clearTimeout(bootTimer);
        everReady = true;
        onEvent({ type: 'ready', slot, pid: server.pid });
        judge();
        fill();
      },
      onLost,
      onQuota: (reports) => quotas.settle(reports, slots.length, monotonicMs()),
      onExit: (gone, exit) => {
        alive.delete(gone);
        handOver([...alive].some((other) => other.state === 'ready'));
        exits.push(exit);
        if (exits.length > keptExits) exits.shift();
        books.retire(gone);
        onEvent({ type: 'exited', ...exit });
        if (stage === 'stopping' && !gone.answeredAll) allAnswered = false;
      },
    });
    alive.add(server);
    onEvent({ type: 'forked', slot, pid: server.pid });
    return server;
  }

  function onLost(server: ServerHandle): void {
    const slot = slots.find((one) => one.server === server);
    // A successor that fails is the reload's affair; a process without a place, nobody's.
    if (slot === undefined || stage === 'stopping') return;
    slot.server = undefined;
    slot.lost = server;
    slot.losses++;
    const nowMs = monotonicMs();
    const { forkedMs } = server;
    const death = { nowMs, forkedMs, healthySinceMs, chance: Math.random() };
    respawn = afterDeath(respawn, death, timings);
    judge();
    if (!everReady) {
      bootDeaths++;
      const { bootFailure } = server;
      const last = bootFailure?.line ?? 'a server process was lost';
      const outcome = bootFailure?.final === true ? { code: exitCodes.unusable, line: last } : hopeless(last);
      if (outcome !== undefined) {
        end(outcome);
        return;
      }
    }
    const waitMs = Math.round(respawn.notBeforeMs - nowMs);
    if (waitMs > 0) log.warn({ waitMs, deaths: respawn.streak }, 'backing off before the next fork');
    fill();
  }

  /** How to end where none was ever ready and none will be. */
  function hopeless(last: string): Outcome | undefined {
    const boot = { deaths: bootDeaths, elapsedMs: monotonicMs() - startedMs, timeoutMs: bootTimeoutMs };
    const why = giveUp(boot, timings);
    return why === undefined ? undefined : { code: exitCodes.gaveUp, line: `gave up: ${why}; last: ${last}` };
  }

  /** What the table means for the cluster's readiness and health, told where it changed. */
  function judge(): void {
    const ready = slots.filter((slot) => slot.server?.state === 'ready').length;
    if (ready < slots.length) healthySinceMs = undefined;
    else healthySinceMs ??= monotonicMs();
    const now: ClusterReadiness = ready > 0 && stage !== 'stopping' ? 'ok' : 'unavailable';
    if (now !== readiness) {
      readiness = now;
      log.info({ readiness }, 'readiness changed');
      for (const server of alive) server.tellReadiness(readiness);
    }
    if (ready === slots.length && stage === 'starting') {
      stage = 'serving';
      options.onListening();
    }
  }

  // --- The verbs ---

  function reload(): ReloadAnswer {
    if (reloading || !everReady || stage === 'stopping') {
      log.warn(`reload refused: ${reloading ? 'another one is running' : `the server is ${state()}`}`);
      return 'busy';
    }
    reloading = true;
    const startedAt = new Date().toISOString();
    log.info('reload started');
    onEvent({ type: 'reload started' });
    void replaceAll().then((reason) => {
      reloading = false;
      const outcome = reason === null ? 'completed' : 'aborted';
      lastReload = { startedAt, finishedAt: new Date().toISOString(), outcome, reason };
      log[reason === null ? 'info' : 'error']({ reason }, `reload ${outcome}`);
      onEvent(reason === null ? { type: 'reload completed' } : { type: 'reload aborted', reason });
      fill();
    });
    return 'started';
  }

  /** Resolves with the reason for which it stopped half-way, or null. */
  async function replaceAll(): Promise<string | null> {
    for (const slot of [...slots]) {
      if (stage === 'stopping') return 'the server is stopping';
      if (!slots.includes(slot)) continue;
      const fresh = fork(slot.number);
      slot.successor = fresh;
      const failure = await fresh.booted;
      slot.successor = undefined;
      if (!slots.includes(slot)) continue;
      if (failure !== undefined) return failure.line;
      // Between its `ready` and this turn it may have been lost again, or everything may be stopping.
      if (fresh.state !== 'ready') return 'a new server process was lost at once';
      const old = slot.server;
      slot.server = fresh;
      slot.lost = undefined;
      judge();
      await old?.close('reload', shutdownTimeoutMs, 'reload');
    }
    return null;
  }

  function resize(by: 1 | -1): void {
    if (stage === 'stopping') return;
    if (by === 1) {
      slots.push(emptySlot(Math.max(...slots.map((slot) => slot.number)) + 1));
    } else {
      if (slots.length === 1) return void log.warn('one server process is the least there can be');
      const slot = slots.pop();
      void slot?.server?.close('reload', shutdownTimeoutMs, 'fewer processes');
      void slot?.successor?.close('reload', shutdownTimeoutMs, 'fewer processes');
    }
    onEvent({ type: 'resized', serverProcesses: slots.length });
    log.info({ serverProcesses: slots.length }, `one server process ${by === 1 ? 'more' : 'fewer'}`);
    judge();
    fill();
  }

  async function close(reason: string, code: ExitCode = exitCodes.ok): Promise<Outcome> {
    if (stage === 'stopping') return done;
    stage = 'stopping';
    clearTimeout(bootTimer);
    clearTimeout(fillTimer);
    log.info({ reason, shutdownDelayMs, shutdownTimeoutMs }, 'stopping');
    onEvent({ type: 'stopping', reason });
    judge();
    if (everReady && shutdownDelayMs > 0) await delay(shutdownDelayMs);
    const servers = [...alive];
    log.info({ serverProcesses: servers.length }, 'draining');
    await Promise.all(servers.map((server) => server.close('stop', shutdownTimeoutMs, 'stop')));
    log.info({ allAnswered }, 'stopped');
    finish({ code: allAnswered ? code : exitCodes.forced });
    return done;
  }

  function force(reason: string): void {
    log.warn({ reason }, 'ending at once');
    end({ code: exitCodes.forced });
  }

  /** Without drain: nobody is served, or nobody wants to wait. */
  function end(outcome: Outcome): void {
    stage = 'stopping';
    clearTimeout(bootTimer);
    clearTimeout(fillTimer);
    for (const server of alive) server.kill();
    finish(outcome);
  }

  // --- The account ---

  function state(): PrimaryState {
    if (stage !== 'serving')
      return stage === 'starting' && respawn.streak > 0 && everReady ? 'degraded' : stage;
    const missing = slots.some((slot) => slot.server?.state !== 'ready' && slot.losses > 0);
    return missing ? 'degraded' : 'ready';
  }

  function lossesOf(number: number): number {
    return slots.find((slot) => slot.number === number)?.losses ?? 0;
  }

  function snapshot(): ClusterStatus {
    const dead = slots.flatMap((slot) => (slot.lost?.state === 'dead' ? [slot.lost] : []));
    const primary = {
      pid: process.pid,
      state: state(),
      uptimeMs: Math.round(monotonicMs() - startedMs),
      restarts: books.restarts,
      lastReload,
      exits: [...exits],
    };
    return {
      primary,
      servers: [...alive, ...dead].map((server) => serverEntry(server, lossesOf(server.slot))),
      totals: books.totals(),
    };
  }
}

function emptySlot(number: number): Slot {
  return { number, server: undefined, successor: undefined, lost: undefined, losses: 0 };
}
