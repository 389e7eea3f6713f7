// Keeps a thread from other work without using a core: until it is cancelled.
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';

export default {
  input: z.strictObject({}),
  /** @param {unknown} _input @param {{ signal: AbortSignal }} context */
  async run(_input, { signal }) {
    await wait(60_000, undefined, { signal });
    return {};
  },
};
