// A lane that can be left politely: it takes no more calls and waits for those that it has, for a while.
import { setTimeout as sleep } from 'node:timers/promises';
import { shuttingDown } from '../errors.js';
import type { Lane } from '../lane/call.js';

export interface DrainingLane extends Lane {
  /** Idempotent. @returns how many calls were cut at the end of that time */
  drain(timeoutMs: number): Promise<{ readonly cut: number }>;
}

export function drainingLane(lane: Lane): DrainingLane {
  const open = new Set<Promise<unknown>>();
  let drained: Promise<{ readonly cut: number }> | undefined;

  function refuseWhileDraining(): void {
    if (drained !== undefined) throw shuttingDown();
  }

  async function drain(timeoutMs: number): Promise<{ readonly cut: number }> {
    const waiting = new AbortController();
    const timedOut = sleep(timeoutMs, undefined, { signal: waiting.signal }).catch(() => undefined);
    await Promise.race([Promise.allSettled(open), timedOut]);
    waiting.abort();
    const { cut } = await lane.close();
    return { cut };
  }

  return {
    ...lane,
    checkRoom(task, client) {
      refuseWhileDraining();
      lane.checkRoom(task, client);
    },
    call(task, input, options) {
      refuseWhileDraining();
      const call = lane.call(task, input, options);
      if (call.ready === undefined) {
        const ended = call.result.then(({ stream }) => stream?.ended).catch(() => undefined);
        open.add(ended);
        void ended.then(() => open.delete(ended));
      }
      return call;
    },
    drain(timeoutMs) {
      drained ??= drain(timeoutMs);
      return drained;
    },
  };
}
