// Which reload runs, which comes after it, and how the last ones ended. How one is done is rolling-reload.ts.
import { randomUUID } from 'node:crypto';
import type { Logger } from '../log.js';
import type { Release } from '../release.js';
import type { ClusterEvent } from './cluster-event.js';
import type { Reload } from './cluster-status.js';

export interface ReloadsOptions {
  /** Replaces the server processes. @returns why it stopped half-way, or null */
  readonly run: () => Promise<string | null>;
  /** Why there can be none now, whether one runs or not; undefined: there can. */
  readonly obstacle: () => string | undefined;
  /** What is served now. */
  readonly release: () => Release | undefined;
  readonly log: Logger;
  onEvent(event: ClusterEvent): void;
}

export interface Reloads {
  /** @returns the reload's id, or undefined where there can be none now */
  start(): string | undefined;
  /** Starts one as soon as there can be one. A second wish for the same one adds nothing: it will read the newest code. */
  request(): void;
  /** There may be one now. */
  look(): void;
  /** The last ones, oldest first; the last of them may still run. */
  readonly all: readonly Reload[];
}

const kept = 20;

export function createReloads({ run, obstacle, release, log, onEvent }: ReloadsOptions): Reloads {
  let all: readonly Reload[] = [];
  let running = false;
  let wanted = false;

  function start(): string | undefined {
    const why = running ? 'another one is running' : obstacle();
    if (why === undefined) return begin();
    log.warn(`reload refused: ${why}`);
    return undefined;
  }

  function begin(): string {
    const id = randomUUID();
    running = true;
    void runOne(id);
    return id;
  }

  async function runOne(id: string): Promise<void> {
    const startedAt = new Date().toISOString();
    all = [...all, { id, startedAt, finishedAt: null, outcome: null, reason: null }].slice(-kept);
    log.info('reload started');
    onEvent({ type: 'reload started' });
    const reason = await run().finally(() => {
      running = false;
    });
    const outcome = reason === null ? 'completed' : 'aborted';
    const finishedAt = new Date().toISOString();
    all = [...all.slice(0, -1), { id, startedAt, finishedAt, outcome, reason }];
    log[reason === null ? 'info' : 'error']({ reason, ...release() }, `reload ${outcome}`);
    onEvent(reason === null ? { type: 'reload completed' } : { type: 'reload aborted', reason });
    look();
  }

  function look(): void {
    if (!wanted || running || obstacle() !== undefined) return;
    wanted = false;
    begin();
  }

  return {
    start,
    request() {
      wanted = true;
      look();
      if (wanted) log.info(`reload follows: ${running ? 'another one is running' : obstacle()}`);
    },
    look,
    get all() {
      return all;
    },
  };
}
