// The counts of the whole cluster: of the server processes that are, and of all that ever were.
import { dictionary } from '../dictionary.js';
import type { RuntimeMetrics, Series } from '../metrics/families.js';
import { addCounts, type Totals, type TotalsByTask } from './cluster-status.js';
import { addSeries, type SeriesSums } from './metrics-sum.js';
import type { Exit, ExitReason } from './server-exit.js';
import type { ServerHandle } from './server-handle.js';

/** Why a process may be lost; known from the start, so that each is a counter at 0 before it happens. */
const lossReasons: readonly ExitReason[] = [
  'died',
  'uncaught exception',
  'lost threads',
  'heartbeat timeout',
  'boot timeout',
  'unbootable',
  'other version',
  'drain timeout',
];

const keptExits = 20;

export class ClusterCounts {
  readonly #live: ReadonlySet<ServerHandle>;
  readonly #retiredSeries: SeriesSums = new Map();
  readonly #restarts = new Map<ExitReason, number>(lossReasons.map((reason) => [reason, 0]));
  readonly #retired: TotalsByTask = new Map();
  readonly #lost = new WeakSet<ServerHandle>();
  #exits: readonly Exit[] = [];

  constructor(live: ReadonlySet<ServerHandle>) {
    this.#live = live;
  }

  /** Whether that is the reason of a loss. */
  static isLoss(reason: ExitReason): boolean {
    return lossReasons.includes(reason);
  }

  /** It has gone: what it told last stays. In the same turn it must leave the living. */
  retire({ status, metrics }: ServerHandle, exit: Exit): void {
    this.#exits = [...this.#exits, exit].slice(-keptExits);
    addCounts(this.#retired, status?.tasks ?? {});
    addSeries(this.#retiredSeries, metrics?.series ?? []);
  }

  /** The last ones, oldest first. */
  get exits(): readonly Exit[] {
    return this.#exits;
  }

  /**
   * One was lost. Each counts once: in its place, or as it left after a reload, but not where the whole server stops.
   * A reload's new process that never became ready is none: that reload's outcome tells of it.
   */
  lost(server: ServerHandle): void {
    if (this.#lost.has(server)) return;
    this.#lost.add(server);
    const { reason } = server;
    this.#restarts.set(reason, (this.#restarts.get(reason) ?? 0) + 1);
  }

  get restarts(): number {
    return [...this.#restarts.values()].reduce((sum, count) => sum + count, 0);
  }

  restartsByReason(): ReadonlyMap<ExitReason, number> {
    return this.#restarts;
  }

  totals(): Totals {
    const sum: TotalsByTask = new Map(this.#retired);
    for (const { status } of this.#live) addCounts(sum, status?.tasks ?? {});
    return dictionary(sum);
  }

  series(): Series[] {
    const sums = addSeries(new Map(), [...this.#retiredSeries.values()]);
    for (const { metrics } of this.#live) addSeries(sums, metrics?.series ?? []);
    return [...sums.values()];
  }

  /** Of each slot the newest process that told: an old one that still drains would bear the same label. */
  runtime(): RuntimeMetrics[] {
    const newest = new Map<number, RuntimeMetrics>();
    for (const { slot, runtime } of this.#live) if (runtime !== undefined) newest.set(slot, runtime);
    return [...newest.values()];
  }
}
