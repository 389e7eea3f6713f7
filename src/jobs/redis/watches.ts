// Who looks on at a job: each change is announced on the job's channel, and read then. Of changes that come at once the last
// one is told. After an absence of Redis all are read again.
import type { Job } from '../job.js';
import type { JobWatch } from '../store.js';

export interface Watches {
  /** Undefined: there is no such job. */
  watch(id: string, onChange: (job: Job) => void): Promise<JobWatch | undefined>;
  changed(id: string): void;
  /** What was announced may have been missed. */
  readAll(): void;
  close(): void;
}

export interface WatchDeps {
  subscribe(id: string): Promise<void>;
  unsubscribe(id: string): void;
  read(id: string): Promise<Job | undefined>;
}

interface Watched {
  readonly listeners: Set<Listener>;
  isReading: boolean;
  isStale: boolean;
}

interface Listener {
  toldSeq: number;
  readonly tell: (job: Job) => void;
}

export function createWatches({ subscribe, unsubscribe, read }: WatchDeps): Watches {
  const byId = new Map<string, Watched>();

  function tell(listener: Listener, job: Job): void {
    // An expired job is told once more under the number of its end.
    const seq = Math.max(job.seq.state, job.seq.progress) + (job.isExpired ? 0.5 : 0);
    if (seq <= listener.toldSeq) return;
    listener.toldSeq = seq;
    listener.tell(job);
  }

  async function refresh(id: string, watched: Watched): Promise<void> {
    watched.isStale = true;
    if (watched.isReading) return;
    watched.isReading = true;
    while (watched.isStale && watched.listeners.size > 0) {
      watched.isStale = false;
      // Where it cannot be read, it will be once Redis is back.
      const job = await read(id).catch(() => undefined);
      if (job !== undefined) for (const listener of [...watched.listeners]) tell(listener, job);
    }
    watched.isReading = false;
  }

  function leave(id: string, watched: Watched, listener: Listener): void {
    watched.listeners.delete(listener);
    if (watched.listeners.size > 0 || byId.get(id) !== watched) return;
    byId.delete(id);
    unsubscribe(id);
  }

  return {
    async watch(id, onChange) {
      const watched = byId.get(id) ?? { listeners: new Set(), isReading: false, isStale: false };
      byId.set(id, watched);
      const listener: Listener = { toldSeq: -1, tell: onChange };
      watched.listeners.add(listener);
      try {
        await subscribe(id);
        const job = await read(id);
        if (job === undefined) {
          leave(id, watched, listener);
          return undefined;
        }
        tell(listener, job);
      } catch (error) {
        leave(id, watched, listener);
        throw error;
      }
      return { close: () => leave(id, watched, listener) };
    },
    changed(id) {
      const watched = byId.get(id);
      if (watched !== undefined) void refresh(id, watched);
    },
    readAll() {
      for (const [id, watched] of byId) void refresh(id, watched);
    },
    close() {
      byId.clear();
    },
  };
}
