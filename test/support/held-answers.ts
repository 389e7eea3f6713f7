// A handler that answers when the test says so: nothing depends on how long something takes.
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Answer } from '#src/http/connections.js';
import { answer, type Handler } from './http-server.js';

export interface HeldAnswers {
  readonly handler: Handler;
  /** The paths that reached the handler, in order. */
  readonly seen: readonly string[];
  /** Resolves with the answer to give, once a request to this path has reached the handler. */
  arrived(path: string): Promise<Answer>;
  /** Answers it with its path. */
  release(path: string): Promise<void>;
  /** Resolves when the exchange has ended: true where it was answered (not: where all of it arrived). */
  ended(path: string): Promise<boolean>;
}

/** Answers what `isHeld` says when it is released, the rest at once. */
export function heldAnswers(isHeld: (path: string) => boolean = (path) => path !== '/'): HeldAnswers {
  const seen: string[] = [];
  const answers = new Map<string, Answer>();
  const ends = new Map<string, boolean>();
  const progress = new EventEmitter().setMaxListeners(0);

  async function arrived(path: string): Promise<Answer> {
    for (;;) {
      const found = answers.get(path);
      if (found !== undefined) return found;
      await once(progress, 'progress');
    }
  }

  function handler(req: IncomingMessage, res: Answer): void {
    const path = req.url ?? '';
    seen.push(path);
    answers.set(path, res);
    res.once('close', () => {
      ends.set(path, res.writableEnded);
      progress.emit('progress');
    });
    progress.emit('progress');
    if (!isHeld(path)) answer(res, path);
  }

  return {
    handler,
    seen,
    arrived,
    async release(path) {
      answer(await arrived(path), path);
    },
    async ended(path) {
      while (!ends.has(path)) await once(progress, 'progress');
      return ends.get(path) === true;
    },
  };
}
