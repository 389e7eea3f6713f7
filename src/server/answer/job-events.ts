// A job as server-sent events: `state`, `progress` and `end`, with ids by which a client that comes back, to whichever
// process, is told what it has missed. Only the last progress is told anew, and the last state.
import type { Request, Response } from 'express';
import { hasEnded, type Job } from '../../jobs/job.js';
import { jobView } from '../../jobs/job-view.js';
import type { JobStore } from '../../jobs/store.js';
import type { Closers } from '../closers.js';
import { nothingAt } from './problem.js';

/** So that neither side takes the connection for dead. */
const commentEveryMs = 15_000;
/** When a browser comes back, in ms. */
const retryMs = 1_000;

export async function answerEvents(
  { store, closers }: { readonly store: JobStore; readonly closers: Closers },
  job: Job,
  req: Request,
  res: Response,
): Promise<void> {
  let seen = lastSeen(req);
  // By this an EventSource knows that it need not come back.
  if (hasEnded(job) && seen >= endId(job)) {
    res.statusCode = 204;
    res.end();
    return;
  }
  if (req.method === 'HEAD') {
    head(res);
    res.end();
    return;
  }
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });

  function send(type: string, id: number, data: unknown): void {
    res.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
    seen = id;
  }

  function tell(now: Job): void {
    if (!res.headersSent) {
      head(res);
      res.write(`retry: ${retryMs}\n\n`);
    }
    const { state, progress } = now.seq;
    const tellState = (): void => {
      if (state > seen) send('state', state, jobView(now));
    };
    // In the order in which they were.
    if (state < progress) tellState();
    if (progress > seen && now.progress !== null) send('progress', progress, now.progress);
    tellState();
    if (!hasEnded(now)) return;
    send('end', endId(now), jobView(now));
    end();
  }

  const watch = await store.watch(job.id, tell);
  if (watch === undefined) throw nothingAt(req);
  const comments = setInterval(() => res.write(': still here\n\n'), commentEveryMs).unref();
  // A process that leaves sends its clients to another one.
  const forget = closers.add(end);
  res.once('close', end);
  // The client may have left while the store was asked.
  if (res.destroyed) end();
  try {
    await ended;
  } finally {
    clearInterval(comments);
    forget();
    watch.close();
    res.end();
  }
}

function head(res: Response): void {
  res.statusCode = 200;
  res.setHeader('Content-Type', 'text/event-stream');
  res.setHeader('Cache-Control', 'no-store');
  // For a proxy that would rather collect (nginx).
  res.setHeader('X-Accel-Buffering', 'no');
  res.flushHeaders();
}

/** Behind all that came before; nothing comes after it, but where an operator has the job tried again. */
const endId = ({ seq }: Job): number => Math.max(seq.state, seq.progress) + 1;

function lastSeen({ headers }: Request): number {
  const id = String(headers['last-event-id'] ?? '');
  return /^\d{1,15}$/.test(id) ? Number(id) : 0;
}
