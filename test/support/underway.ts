// Waits until calls have arrived in a running cluster's lanes, so that no test has to guess how long that takes.
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const status = z.object({
  servers: z.array(
    z.object({
      state: z.string(),
      threads: z.object({ busy: z.int(), max: z.int() }),
      queue: z.object({ waiting: z.int() }),
    }),
  ),
});

/** What /status tells of each server process. */
export async function serversOf(adminUrl: string): Promise<z.infer<typeof status>['servers']> {
  return status.parse(await (await fetch(`${adminUrl}/status`)).json()).servers;
}

/** Resolves once so many calls run or wait. */
export async function underway(adminUrl: string, calls: number): Promise<void> {
  for (;;) {
    const servers = await serversOf(adminUrl);
    if (servers.reduce((sum, { threads, queue }) => sum + threads.busy + queue.waiting, 0) >= calls) return;
    await sleep(20);
  }
}
