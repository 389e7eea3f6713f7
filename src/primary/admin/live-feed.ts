// The server-sent events of /events: what the cluster did so far, then a snapshot a second and every lifecycle event
// as it happens. A client that does not keep up is dropped: it will come back and be told anew.
import type { ServerResponse } from 'node:http';
import type { ClusterEvent } from '../cluster-event.js';
import type { ClusterStatus } from '../cluster-status.js';
import type { JobsSummary } from './jobs-summary.js';
import type { LoadSample } from './load-sampler.js';
import type { TaskLatency } from './recent-calls.js';

export type DatedEvent = ClusterEvent & { /** Epoch ms. */ readonly atMs: number };

export interface Snapshot {
  readonly status: ClusterStatus;
  /** By task, of the last minute. */
  readonly latencyMs: Readonly<Record<string, TaskLatency>>;
  /** Null: none are kept, or nobody can tell now. */
  readonly jobs: JobsSummary | null;
  readonly sample: LoadSample;
}

export interface LiveFeed {
  /** False where there are too many already: nothing was written. */
  join(res: ServerResponse): boolean;
  snapshot(snapshot: Snapshot): void;
  event(event: ClusterEvent): void;
  close(): void;
}

const maxClients = 32;
/** What may wait in memory for a client that reads slowly. */
const maxUnsentBytes = 1_048_576;
const keptSamples = 300;
const keptEvents = 100;
const retryMs = 1_000;

export function createLiveFeed(): LiveFeed {
  const clients = new Set<ServerResponse>();
  const samples: LoadSample[] = [];
  const events: DatedEvent[] = [];
  let latest: Snapshot | undefined;

  function tell(frame: string): void {
    for (const client of clients) {
      client.write(frame);
      if (client.writableLength > maxUnsentBytes) client.destroy();
    }
  }

  return {
    join(res) {
      if (clients.size >= maxClients) return false;
      clients.add(res);
      res.on('close', () => clients.delete(res));
      // A page that was closed ends its side first.
      res.socket?.once('end', () => {
        clients.delete(res);
        res.end();
      });
      res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
      res.write(`retry: ${retryMs}\n\n`);
      const { status = null, latencyMs = null, jobs = null } = latest ?? {};
      res.write(frameOf('history', { samples, events, status, latencyMs, jobs }));
      return true;
    },
    snapshot(snapshot) {
      latest = snapshot;
      keep(samples, snapshot.sample, keptSamples);
      // The comment is the heartbeat for proxies and readers that look for one.
      if (clients.size > 0) tell(`: beat\n${frameOf('snapshot', snapshot)}`);
    },
    event(event) {
      const dated = { ...event, atMs: Date.now() };
      keep(events, dated, keptEvents);
      tell(frameOf('lifecycle', dated));
    },
    close() {
      for (const client of clients) client.end();
    },
  };
}

function keep<T>(recent: T[], one: T, limit: number): void {
  recent.push(one);
  if (recent.length > limit) recent.shift();
}

function frameOf(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
