// millrace reload: asks the running cluster to replace its server processes, and waits for the end of that if it is told
// to.
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type AdminAnswer, askAdmin, detailOf, NobodyAnswers, unexpected } from './admin-client.js';
import { CommandError } from './failure.js';

const lookEveryMs = 200;

/** As much of /status as a reload needs. */
const status = z.object({
  primary: z.object({
    state: z.string(),
    reloads: z.array(
      z.object({ id: z.string(), outcome: z.string().nullable(), reason: z.string().nullable() }),
    ),
  }),
  servers: z.array(
    z.object({
      uptimeMs: z.number(),
      release: z.object({ folder: z.string(), version: z.string() }).nullable(),
    }),
  ),
});

type Status = z.output<typeof status>;

/**
 * @param wait until it has ended; where another one is running, it begins after that
 * @throws CommandError where nobody answers, the cluster cannot reload now, or the reload was aborted
 */
export async function reload(admin: URL, wait: boolean): Promise<string> {
  let got = await askAdmin(admin, 'POST', '/reload');
  while (wait && got.status === 409 && (await waitForTurn(admin))) {
    await sleep(lookEveryMs);
    got = await askAdmin(admin, 'POST', '/reload');
  }
  if (got.status === 202)
    return wait ? await outcome(admin, got) : 'reload started; millrace status tells how it ends';
  const why = detailOf(got);
  if (got.status === 409 && why !== undefined) throw new CommandError(`not reloaded: ${why}`);
  throw unexpected(admin, got);
}

async function outcome(admin: URL, answer: AdminAnswer): Promise<string> {
  const id = answer.headers['x-reload-id'];
  if (id === undefined) throw unexpected(admin, answer);
  return await watch(admin, (now) => {
    const ours = now.primary.reloads.find((one) => one.id === id);
    if (ours === undefined) throw new CommandError('the primary was restarted during the reload');
    if (ours.outcome === 'completed') return `reload completed${releaseOf(now)}`;
    if (ours.outcome !== null) throw new CommandError(`reload ${ours.outcome}: ${ours.reason}`);
    return undefined;
  });
}

/**
 * Waits until the start, and the reload that runs, have ended; asking for another meanwhile would be a line in the server's log
 * each time.
 * @returns false where the server stops
 */
function waitForTurn(admin: URL): Promise<boolean> {
  return watch(admin, ({ primary: { state, reloads } }) => {
    if (state === 'stopping') return false;
    return (state !== 'starting' && reloads.every(({ outcome }) => outcome !== null)) || undefined;
  });
}

/** Looks at the status until `judge` has something to say of it. */
async function watch<T>(admin: URL, judge: (now: Status) => T | undefined): Promise<T> {
  for (;;) {
    const judged = judge(await statusOf(admin).catch(ended));
    if (judged !== undefined) return judged;
    await sleep(lookEveryMs);
  }
}

/** It was there a moment ago. */
function ended(cause: unknown): never {
  if (!(cause instanceof NobodyAnswers)) throw cause;
  throw new CommandError('the server ended before it said how the reload ended', { cause });
}

async function statusOf(admin: URL): Promise<Status> {
  const answer = await askAdmin(admin, 'GET', '/status');
  const read = status.safeParse(answer.body);
  if (answer.status !== 200 || !read.success) throw unexpected(admin, answer);
  return read.data;
}

/** Of the youngest server process. */
function releaseOf({ servers }: Status): string {
  const [newest] = servers.filter(({ release }) => release !== null).sort((a, b) => a.uptimeMs - b.uptimeMs);
  const release = newest?.release;
  return release == null ? '' : `: ${release.folder}, version ${release.version}`;
}
