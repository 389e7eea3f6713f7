// Keeps a thread from other work without using a core, until it is cancelled; tells in which process.
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';

export default {
  input: z.strictObject({}),
  /** @param {unknown} _input @param {{ signal: AbortSignal, progress(done: number, note: string): void }} context */
  async run(_input, { signal, progress }) {
    progress(0, String(process.pid));
    await wait(60_000, undefined, { signal });
    return {};
  },
};
