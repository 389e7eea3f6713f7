// Thousands of spoiled requests against the real cluster: it answers or ends every one of them in time, never with a
// fault of its own, and no process is lost. `npm run fuzz` sends 100,000; FUZZ_SEED repeats a run.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Env, startCluster } from '../support/cluster.js';
import { type Example, type FuzzCase, fuzzCases, fuzzKey } from './cases.js';
import { fire, type Reaction } from './fire.js';

const allCases = Number(process.env.FUZZ_CASES ?? 5_000);
const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const atOnce = 96;
const hangMs = 8_000;
/** Alone. A password's hash takes seconds where the machine is busy. */
const aloneMs = 30_000;
const chunk = 500;

/** What waits for more bytes is ended soon; nothing is refused for load or cut, so that every 5xx is a fault. */
const env = {
  WORKERS: '2',
  ACCESS_LOG: 'off',
  HEADERS_TIMEOUT_MS: '300',
  REQUEST_TIMEOUT_MS: '300',
  KEEP_ALIVE_TIMEOUT_MS: '300',
  TASK_TIMEOUT_MS: '600000',
  QUEUE_MAX_WAIT_MS: '600000',
  POOL_MAX_QUEUE: '100000',
  CPU_QUOTA_MS_PER_MINUTE: '1000000000',
};

let keyFolder: string;
beforeAll(async () => {
  keyFolder = await mkdtemp(join(tmpdir(), 'fuzz-'));
  const hash = createHash('sha256').update(fuzzKey).digest('hex');
  await writeFile(join(keyFolder, 'keys'), `fuzz:${hash}\n`);
});
afterAll(() => rm(keyFolder, { recursive: true }));

const guards: [name: string, env: () => Env, statuses: string[]][] = [
  ['open to anybody', () => ({ TRUST_PROXY: '1', CORS_ORIGINS: '*' }), []],
  [
    'with keys',
    () => ({
      TRUST_PROXY: 'loopback',
      CORS_ORIGINS: 'https://app.example',
      API_KEYS_FILE: join(keyFolder, 'keys'),
    }),
    ['401'],
  ],
];

/** Half of them for each. */
const cases = Math.ceil(allCases / guards.length);

it.each(guards)(
  `a server %s survives ${cases} spoiled requests (FUZZ_SEED=${seed})`,
  async (...guard) => {
    const [name, guardEnv, guardStatuses] = guard;
    await using cluster = await startCluster({ env: { ...env, ...guardEnv() } });
    const { port } = cluster;
    const first = seed + guards.findIndex(([one]) => one === name) * cases;
    const pids = cluster.serverPids().sort();
    const kinds = fuzzCases(await examples(cluster.url));
    const faults: string[] = [];
    const slow: FuzzCase[] = [];
    const statuses = new Map<string, number>();

    for (let done = 0; done < cases && faults.length === 0; done += chunk) {
      const batch = fc.sample(kinds, { numRuns: Math.min(chunk, cases - done), seed: first + done });
      await inParallel(batch, async (one) => {
        // What is slow beside many others is tried again alone, before it counts.
        const reaction = await fire(port, one.bytes, hangMs);
        if (reaction.hung) slow.push(one);
        const fault = faultOf(reaction);
        if (fault !== undefined) faults.push(`${fault}: ${show(one)}`);
        const name = String(reaction.status ?? 'ended');
        statuses.set(name, (statuses.get(name) ?? 0) + 1);
      });
      if (cases > 5_000 && (done + chunk) % 5_000 === 0) {
        console.log(
          `${name}: ${done + chunk} of ${cases} (FUZZ_SEED=${seed})`,
          JSON.stringify([...statuses].sort()),
        );
      }
    }
    for (const one of slow.slice(0, 20)) {
      const { hung, afterMs } = await fire(port, one.bytes, aloneMs);
      if (hung) faults.push(`no answer within ${Math.round(afterMs)} ms: ${show(one)}`);
    }

    expect(faults.slice(0, 5)).toEqual([]);
    expect(cluster.serverPids().sort()).toEqual(pids);
    expect(cluster.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
    // Among a few, not all of them come.
    const usual = cases < 1_000 ? ['200', '400'] : ['200', '400', '404', '405', '408', ...guardStatuses];
    expect([...statuses.keys()]).toEqual(expect.arrayContaining(usual));
    expect((await fetch(`${cluster.url}/livez`)).status).toBe(200);
    expect(await cluster.stop()).toBe(0);
  },
  3_600_000,
);

function faultOf({ status, head, hung }: Reaction): string | undefined {
  if (hung || status === undefined) return undefined;
  if (status < 100 || status >= 500) return head.slice(0, 200);
  const isProblem = /^content-type: application\/problem\+json/im.test(head);
  return status >= 400 && !isProblem ? `no problem+json: ${head}` : undefined;
}

function show({ kind, bytes }: FuzzCase): string {
  return `${kind} ${JSON.stringify(bytes.toString('latin1').slice(0, 2_000))} (FUZZ_SEED=${seed})`;
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}

/** The calls that the API's description gives as examples. */
async function examples(url: string): Promise<Example[]> {
  const api: unknown = await (await fetch(`${url}/openapi.json`)).json();
  const found: Example[] = [];
  const paths = at(api, 'paths');
  for (const [path, item] of Object.entries(paths)) {
    const media = at(at(at(at(item, 'post'), 'requestBody'), 'content'), 'application/json');
    for (const example of Object.values(at(media, 'examples')))
      found.push({ path, body: at(example, 'value') });
    if ('example' in media) found.push({ path, body: media.example });
  }
  expect(found.length).toBeGreaterThan(10);
  return found;
}

function at(value: unknown, name: string): object {
  const field: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return typeof field === 'object' && field !== null ? field : {};
}
