// The load of the machine, from what its server processes tell with each beat: for /metrics and /status, for balancers
// that ask a server process, and for the agent; and of a lane in a program. It decides nothing.
import { monotonicMs } from '../clock.js';
import type { LoadReport, MachineLoad } from '../messages.js';

/** A server process, so far as it matters here. */
export interface LoadTeller {
  readonly state: 'starting' | 'ready' | 'draining' | 'dead';
  readonly config: { readonly cores: number; readonly poolMaxThreads: number };
  readonly load: LoadReport | undefined;
  tellLoad(load: MachineLoad): void;
}

export interface MachineLoads {
  /** As of now. */
  read(): MachineLoad;
  close(): void;
}

/** Beats come at this interval, unless HEARTBEAT_TIMEOUT_MS is short. */
const lookEveryMs = 500;
/** Over how long rates are reckoned, at least. */
const windowMs = 1_000;

/** @param servers all that live; they are told the load where it changes */
export function watchMachineLoad(servers: Iterable<LoadTeller>): MachineLoads {
  let reports = new Map<LoadTeller, readonly LoadReport[]>();
  let own: readonly LoadReport[] = [];
  /** What each was told last. */
  const told = new WeakMap<LoadTeller, string>();

  /** Takes in what came since. Those who have gone are forgotten. */
  function look(): void {
    const before = reports;
    reports = new Map();
    for (const server of servers) {
      if (server.load !== undefined) reports.set(server, recent(before.get(server) ?? [], server.load));
    }
    own = recent(own, ownReport());
  }

  function read(): MachineLoad {
    look();
    const live = [...reports.keys()];
    const windows = [...reports.values()];
    const cores = Math.max(1, ...live.map(({ config }) => config.cores));
    const threads = live.reduce((all, { config }) => all + config.poolMaxThreads, 0);
    const perSecond = (of: (report: LoadReport) => number, more: (readonly LoadReport[])[] = []) =>
      [...windows, ...more].reduce((all, window) => all + rate(window, of), 0);
    return loadOf({
      capacity: threads === 0 ? cores : Math.min(cores, threads),
      cores,
      busy: perSecond(({ threadsBusyMs }) => threadsBusyMs) / 1_000,
      waitingMs: windows.reduce((all, window) => all + (window.at(-1)?.waitingMs ?? 0), 0),
      waitsMs: live.flatMap(({ state, load }) => (state === 'ready' && load ? [load.expectedWaitMs] : [])),
      usedCores: perSecond(({ cpuMs }) => cpuMs, [own]) / 1_000,
      answersPerSecond: perSecond(({ answers }) => answers),
      errorsPerSecond: perSecond(({ errors }) => errors),
    });
  }

  function tell(): void {
    const load = read();
    const text = JSON.stringify(load);
    for (const server of servers) {
      if (server.state !== 'ready' || told.get(server) === text) continue;
      told.set(server, text);
      server.tellLoad(load);
    }
  }

  const timer = setInterval(tell, lookEveryMs).unref();
  return { read, close: () => clearInterval(timer) };
}

export interface Measured {
  /** What the threads can do at once. */
  readonly capacity: number;
  readonly cores: number;
  /** Threads that were busy lately, on average. */
  readonly busy: number;
  /** Estimated work of what waits. */
  readonly waitingMs: number;
  /** What a call would wait, in each server process that takes one. */
  readonly waitsMs: readonly number[];
  readonly usedCores: number;
  readonly answersPerSecond: number;
  readonly errorsPerSecond: number;
}

/** Busy threads count for 1 at most: what more is asked shows in what waits. Pure. */
export function loadOf(measured: Measured): MachineLoad {
  const { capacity, cores, busy, waitingMs, waitsMs, usedCores } = measured;
  const waitMs = waitsMs.reduce((all, one) => all + one, 0) / Math.max(1, waitsMs.length);
  return {
    load: rounded(Math.min(1, busy / capacity) + waitingMs / 1_000 / capacity),
    waitSeconds: rounded(waitMs / 1_000),
    cpuUtilization: rounded(usedCores / cores),
    answersPerSecond: rounded(measured.answersPerSecond),
    errorsPerSecond: rounded(measured.errorsPerSecond),
  };
}

/** The reports of the last second, and one that is at least that old. */
function recent(window: readonly LoadReport[], latest: LoadReport): readonly LoadReport[] {
  if (window.at(-1)?.atMs === latest.atMs) return window;
  const all = [...window, latest];
  const base = all.findLastIndex(({ atMs }) => atMs <= latest.atMs - windowMs);
  return all.slice(Math.max(0, base));
}

/** Growth per second over the window; 0 where there is only one report. */
function rate(window: readonly LoadReport[], of: (report: LoadReport) => number): number {
  const [first] = window;
  const last = window.at(-1);
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
  return ((of(last) - of(first)) / (last.atMs - first.atMs)) * 1_000;
}

/** The primary's own: it has no calls, but it takes CPU. */
function ownReport(): LoadReport {
  const { user, system } = process.cpuUsage();
  const none = { threadsBusyMs: 0, waitingMs: 0, expectedWaitMs: 0, answers: 0, errors: 0 };
  return { atMs: monotonicMs(), cpuMs: (user + system) / 1_000, ...none };
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
