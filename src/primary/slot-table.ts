// The table: one slot for each server process that there should be, refilled when its process is lost. It neither
// reloads nor stops; those verbs are primary.ts, and when a refill is due is respawn-policy.ts.
import { monotonicMs } from '../clock.js';
import type { ServerConfig } from '../config.js';
import { neverLoaded } from '../load-fault.js';
import type { Logger } from '../log.js';
import type { ClusterReadiness } from '../messages.js';
import type { Release } from '../release.js';
import { ClusterCounts } from './cluster-counts.js';
import type { ClusterEvent } from './cluster-event.js';
import { exitCodes, type Outcome } from './exit-codes.js';
import { type Fork, unforkable } from './fork.js';
import type { PublicPort } from './public-port.js';
import type { QuotaAccounts } from './quota-accounts.js';
import { type Fallen, Respawn } from './respawn.js';
import { ServerHandle } from './server-handle.js';
import type { Timings } from './timings.js';

/** A place in the table. It stays when its server process is replaced. */
export interface Slot {
  readonly number: number;
  readonly server: ServerHandle | undefined;
  /** During a reload: the process that is to take the place. */
  readonly successor: ServerHandle | undefined;
  /** The process that was lost here last, until the next one is forked. */
  readonly lost: ServerHandle | undefined;
  readonly losses: number;
}

/** The table's own view: nobody else writes to it. */
type OwnSlot = { -readonly [Field in keyof Slot]: Slot[Field] };

export type Replacement =
  | { readonly type: 'replaced'; readonly old: ServerHandle | undefined }
  /** The place was taken out of the table meanwhile. */
  | { readonly type: 'removed' }
  | { readonly type: 'failed'; readonly reason: string };

export interface SlotTableOptions {
  /** What a server process works with where this many of them share the cores. */
  readonly configFor: (serverProcesses: number) => ServerConfig;
  readonly fork: Fork;
  readonly bootTimeoutMs: number;
  /** How long a process may drain that met a fault. */
  readonly drainMs: number;
  readonly timings: Timings;
  readonly log: Logger;
  readonly quotas: QuotaAccounts;
  readonly readiness: () => ClusterReadiness;
  readonly publicPort: Pick<PublicPort, 'handover' | 'shared'>;
  /** A process became ready, or was lost. */
  onChange(): void;
  onExit(server: ServerHandle): void;
  /** As a server process tells: each does at most once. */
  onProxied(): void;
  /** None was ever ready, and none will be. */
  onHopeless(outcome: Outcome): void;
  onEvent(event: ClusterEvent): void;
}

export class SlotTable {
  readonly #slots: OwnSlot[] = [];
  readonly #live = new Set<ServerHandle>();
  /** What the processes of this table have done, those that are gone among them. */
  readonly counts = new ClusterCounts(this.#live);
  #everReady = false;
  /** Some process has loaded all that there is to load. */
  #everLoaded = false;
  readonly #options: SlotTableOptions;
  readonly #respawn: Respawn;
  readonly #bootTimer: NodeJS.Timeout;
  #fillTimer: NodeJS.Timeout | undefined;
  /** Met a fault, but nobody else takes connections yet. */
  readonly #failing = new Set<ServerHandle>();
  /** Forks in a row that the system refused. */
  #unforked = 0;
  #closed = false;

  constructor(options: SlotTableOptions) {
    this.#options = options;
    this.#respawn = new Respawn(options.timings, options.bootTimeoutMs);
    this.#bootTimer = setTimeout(() => {
      const why = this.#unforked > 0 ? unforkable : 'still starting';
      const outcome = this.#stuck() ?? this.#respawn.hopeless(why);
      if (outcome !== undefined) options.onHopeless(outcome);
    }, options.bootTimeoutMs);
  }

  /** The first process that was ever forked is still busy with a file: another one would not fare better. */
  #stuck(): Outcome | undefined {
    const loading = this.slots
      .map(({ server, losses }) => (losses === 0 ? server?.loading : undefined))
      .find(Boolean);
    if (loading === undefined) return undefined;
    return { code: exitCodes.unusable, line: neverLoaded(loading, this.#options.bootTimeoutMs).line };
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** All that live, with or without a slot: also who still drains. */
  live(): ReadonlySet<ServerHandle> {
    return this.#live;
  }

  /** Whether any process was ever ready. */
  get everReady(): boolean {
    return this.#everReady;
  }

  get allReady(): boolean {
    return this.slots.every(isReady);
  }

  /** One that met a fault serves on until another one does. */
  get anyServing(): boolean {
    return this.#anyReady || this.#failing.size > 0;
  }

  get #anyReady(): boolean {
    return this.slots.some(isReady);
  }

  /** Some process was lost and is not replaced yet, or cannot be forked. */
  get isDamaged(): boolean {
    if (this.#unforked > 0) return true;
    return this.slots.some((slot) => !isReady(slot) && slot.losses > 0);
  }

  /** The code of the process that came last. */
  get release(): Release | undefined {
    const ready = this.slots.flatMap(({ server }) => (server?.state === 'ready' ? [server] : []));
    return ready.toSorted((a, b) => b.forkedMs - a.forkedMs)[0]?.release;
  }

  /** What the server processes in the table work with. */
  get configs(): ServerConfig[] {
    return this.slots.flatMap(({ server }) => server?.config ?? []);
  }

  add(): void {
    const number = Math.max(0, ...this.slots.map((slot) => slot.number)) + 1;
    this.#slots.push({ number, server: undefined, successor: undefined, lost: undefined, losses: 0 });
  }

  /** One place fewer: the last one that serves nobody, else the last. So one that is ready stays, if any is. */
  remove(): Slot | undefined {
    const idle = this.slots.findLastIndex((slot) => !isReady(slot));
    return this.#slots.splice(idle, 1)[0];
  }

  /** Puts a new process in the place of the one that has it, once it is ready: that one is left to the caller. */
  async replace(place: Slot): Promise<Replacement> {
    const find = () => this.#slots.find((one) => one === place);
    const slot = find();
    if (slot === undefined) return { type: 'removed' };
    const fresh = this.#fork(slot.number);
    if (fresh === undefined) return { type: 'failed', reason: unforkable };
    slot.successor = fresh;
    const failure = await fresh.booted;
    slot.successor = undefined;
    if (find() !== slot) return { type: 'removed' };
    if (failure !== undefined) return { type: 'failed', reason: failure.line };
    // Between its `ready` and this turn it may have been lost again, or everything may be stopping.
    if (fresh.state !== 'ready') return { type: 'failed', reason: 'a new server process was lost at once' };
    const old = slot.server;
    slot.server = fresh;
    slot.lost = undefined;
    this.changed();
    return { type: 'replaced', old };
  }

  /** Nothing is forked any more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#bootTimer);
    clearTimeout(this.#fillTimer);
  }

  /** Forks what is missing, as far and as soon as the policy allows. The one place that starts replacements. */
  fill(): void {
    clearTimeout(this.#fillTimer);
    if (this.#closed) return;
    // Until one was ready, and where one has died, only the first slot is tried: what is wrong with it is wrong with all.
    const places = this.#everReady || this.#respawn.streak === 0 ? this.#slots : this.#slots.slice(0, 1);
    for (const slot of places) {
      if (slot.server !== undefined || slot.successor !== undefined) continue;
      const { isDamaged } = this;
      const waitMs = this.#respawn.waitMs(isDamaged);
      if (waitMs > 0) {
        this.#fillTimer = setTimeout(() => this.fill(), waitMs);
        return;
      }
      slot.server = this.#fork(slot.number);
      if (slot.server === undefined) {
        this.#unforked++;
        const { respawnFirstMs, refusedForkMaxMs } = this.#options.timings;
        const againMs = Math.min(respawnFirstMs * 2 ** (this.#unforked - 1), refusedForkMaxMs);
        this.#fillTimer = setTimeout(() => this.fill(), againMs);
        return;
      }
      slot.lost = undefined;
      if (isDamaged) this.#respawn.forked();
    }
    this.#unforked = 0;
  }

  /** A new process for this slot, which its caller puts there; undefined where there cannot be one. */
  #fork(slot: number): ServerHandle | undefined {
    const { configFor, timings, log, readiness, publicPort, onEvent } = this.#options;
    const worker = this.#options.fork();
    if (worker === undefined) return undefined;
    const server = new ServerHandle(worker, {
      slot,
      config: configFor(this.slots.length),
      timings,
      log,
      readiness,
      sharedSocket: publicPort.shared,
      mayBoot: () => this.#mayBoot(server),
      onLoaded: () => {
        // Beside one that is ready its calls would only wait longer. At a shared socket it decides by itself.
        const serves = !this.anyServing || publicPort.shared !== undefined;
        if (serves) publicPort.handover.join(server);
        this.#loaded();
        return serves;
      },
      onReady: () => {
        publicPort.handover.join(server);
        onEvent({ type: 'ready', slot, pid: server.pid });
        this.#ready();
      },
      onLeaving: () => publicPort.handover.leave(server),
      onLost: () => this.#lost(server),
      onQuota: (reports) => this.#options.quotas.settle(reports, this.slots.length, monotonicMs()),
      onProxied: () => this.#options.onProxied(),
      onExit: (exit) => {
        this.#live.delete(server);
        this.#served(server);
        this.counts.retire(server, exit);
        // One that was asked to leave, and left in another way.
        if (server.wasReady && !this.#closed && ClusterCounts.isLoss(exit.reason)) this.counts.lost(server);
        this.#options.onExit(server);
        onEvent({ type: 'exited', ...exit });
      },
    });
    this.#live.add(server);
    onEvent({ type: 'forked', slot, pid: server.pid });
    return server;
  }

  /** At the start the first one goes ahead, and the others wait with nothing but our own code loaded. */
  #mayBoot(server: ServerHandle): boolean {
    return this.#everLoaded || this.#slots[0]?.server === server;
  }

  #loaded(): void {
    if (this.#everLoaded) return;
    this.#everLoaded = true;
    for (const server of this.#live) server.boot();
  }

  /** It may have no room for a thread: each call that it were given it would refuse, where another process could run it. */
  #passOverLate(): void {
    if (!this.#anyReady || this.#closed) return;
    for (const server of this.#live)
      if (server.state === 'starting') this.#options.publicPort.handover.leave(server);
  }

  /** One that has loaded serves light routes, at least. */
  #fallBack(): void {
    const { handover, shared } = this.#options.publicPort;
    if (shared !== undefined) return;
    for (const server of this.#live)
      if (server.state === 'starting' && server.isServing) handover.join(server);
  }

  /** After any change of who serves. */
  changed(): void {
    if (!this.anyServing && !this.#closed) this.#fallBack();
    this.#respawn.healthy(this.allReady);
    this.#options.onChange();
  }

  #ready(): void {
    clearTimeout(this.#bootTimer);
    this.#everReady = true;
    this.#loaded();
    setTimeout(() => this.#passOverLate(), this.#options.timings.lateMs).unref();
    for (const server of this.#failing) server.relieve(this.#options.drainMs);
    this.#failing.clear();
    this.changed();
    this.fill();
  }

  /** While no other process takes connections it goes on: who connects need not wait. */
  #relieve(server: ServerHandle): void {
    const { drainMs, bootTimeoutMs } = this.#options;
    const isSound = server.reason === 'lost threads';
    if (this.#anyReady && !isSound) {
      server.relieve(drainMs);
      return;
    }
    this.#failing.add(server);
    // Without another one a process that is sound is better than none.
    if (isSound) return;
    setTimeout(() => {
      if (this.#served(server)) server.relieve(drainMs);
    }, bootTimeoutMs).unref();
  }

  /** @returns whether it was one of those that met a fault and served on */
  #served(server: ServerHandle): boolean {
    if (!this.#failing.delete(server)) return false;
    this.changed();
    return true;
  }

  #lost(server: ServerHandle): void {
    const slot = this.#slots.find((one) => one.server === server);
    if (slot !== undefined) slot.server = undefined;
    if (server.state === 'draining') this.#relieve(server);
    // A successor that fails is the reload's affair; a process without a place, nobody's.
    if (slot === undefined || this.#closed) return;
    slot.lost = server;
    this.counts.lost(server);
    this.#fell(slot, server);
  }

  /** Its place is empty again. */
  #fell(slot: OwnSlot, fallen: Fallen): void {
    slot.losses++;
    this.#respawn.died(fallen);
    this.changed();
    // The others begin behind it, and may lack what only one process can have.
    const isTelling = !this.#everReady && slot === this.#slots[0];
    const outcome = isTelling ? this.#respawn.diedInBoot(fallen) : undefined;
    if (outcome !== undefined) {
      this.#options.onHopeless(outcome);
      return;
    }
    const waitMs = this.#respawn.waitMs(this.isDamaged);
    const { streak } = this.#respawn;
    if (waitMs > 0) this.#options.log.warn({ waitMs, deaths: streak }, 'backing off before the next fork');
    this.fill();
  }
}

function isReady({ server }: Slot): boolean {
  return server?.state === 'ready';
}
