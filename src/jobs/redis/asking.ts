// How long Redis is waited for. Whoever has a client waiting asks once, and says within a second that jobs are away; what
// a run has done is handed in again until Redis has it.
import { setTimeout as pause } from 'node:timers/promises';
import { AppError } from '../../errors.js';
import { storeAway } from '../store.js';
import type { RedisLink } from './connections.js';

const againMs = 250;

/** @throws AppError OVERLOADED where Redis is away, or does not answer */
export async function ask<T>(link: RedisLink, work: () => Promise<T>, patienceMs: number): Promise<T> {
  if (!link.isUp) throw storeAway();
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      link.doubt();
      reject(storeAway());
    }, patienceMs);
  });
  try {
    return await Promise.race([work(), silence]);
  } catch (error) {
    throw error instanceof AppError ? error : storeAway(error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Tries until Redis has it. `work` may be done twice: what times out may have been heard.
 * @throws what Redis says where another attempt would not change it; AppError OVERLOADED once `isOver`
 */
export async function insist<T>(link: RedisLink, work: () => Promise<T>, isOver: () => boolean): Promise<T> {
  for (;;) {
    try {
      if (link.isUp) return await work();
    } catch (error) {
      if (error instanceof AppError || isFinal(error)) throw error;
    }
    if (isOver()) throw storeAway();
    await pause(againMs);
  }
}

/** What a server says only for a while: it loads its data, a cluster changes its mind, a script takes long. */
const passing =
  /^(LOADING|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|READONLY|MASTERDOWN|BUSY|NOSCRIPT|UNBLOCKED|NOREPLICAS)/;

function isFinal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError' && !passing.test(error.message);
}
