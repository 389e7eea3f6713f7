// Jobs: what it costs to accept one, how fast short ones are done by each store and by BullMQ alone, what light routes
// and calls notice of jobs that wait and run, and what a server process costs that can have them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bareThreadsPerSecond } from '../bare-threads.js';
import { busyCall, light } from '../calls.js';
import { runScript } from '../children.js';
import { drain } from '../drain.js';
import { startAnswering } from '../first-answer.js';
import { Connection, requestBytes } from '../load/connection.js';
import { load } from '../load/load.js';
import { mainThreadMs, residentMb } from '../process-tree.js';
import { hasRedis, startRedis } from '../redis.js';
import { interleave } from '../rounds.js';
import { serverProcesses as cores, millrace } from '../servers.js';
import { compute, lane, peers, primary, server } from './depends-on.js';

/** @typedef {import('../servers.js').Server} Server */
/** @typedef {typeof usual} Settings */

const usual = {
  lightPerSecond: 200,
  /** What live requests notice of jobs: a p99 takes many of them, and a few servers. */
  besideServers: 4,
  besideLightPerSecond: 400,
  /** Until the threads have moved over that are there beside jobs; then there are calls again. */
  besideMoveMs: 3_000,
  besideWarmMs: 2_000,
  besideMs: 5_000,
  /** Jobs that are asked for beside the light load. */
  acceptPerSecond: 100,
  /** Connections that ask for jobs as fast as they are accepted. */
  connections: 8,
  /** Of one core each. */
  shortJobMs: 1,
  longJobMs: 25,
  waitingJobs: 1_000,
  callMs: 5,
  /** Live calls take this much of the cores. */
  callsShare: 0.4,
  bullmqJobs: 8_000,
  warmMs: 1_000,
  durationMs: 3_000,
};
const quickly = {
  ...usual,
  bullmqJobs: 3_000,
  warmMs: 400,
  durationMs: 800,
  besideServers: 1,
  besideMoveMs: 1_000,
  besideWarmMs: 1_000,
  besideMs: 1_000,
};

const tasks = fileURLToPath(new URL('../tasks', import.meta.url));
const bullmq = fileURLToPath(new URL('../bullmq/alone.js', import.meta.url));

const noRedis = 'there is no redis-server on this machine';
const variants = [
  { name: 'off', label: 'JOBS=off', measure: startOf },
  { name: 'threads', label: 'bare threads, no jobs', measure: bareThreads },
  { name: 'memory', label: 'memory', measure: embedded(async (use) => use({})) },
  { name: 'disk', label: 'JOBS_DIR', measure: embedded(onDisk) },
  { name: 'redis', label: 'REDIS_URL', measure: ours(onRedis), needsRedis: true },
  { name: 'bullmq-plain', label: 'BullMQ, plain', measure: bullmqAlone('plain'), needsRedis: true },
  { name: 'bullmq-threads', label: 'BullMQ, threads', measure: bullmqAlone('threads'), needsRedis: true },
  {
    name: 'bullmq-processes',
    label: 'BullMQ, processes',
    measure: bullmqAlone('processes'),
    needsRedis: true,
  },
];

/** @type {import('./scenario.js').Scenario} */
export const jobs = {
  name: 'jobs',
  title: 'Jobs',
  sources: [
    ...['src/jobs/**', 'bench/tasks/**', 'bench/bullmq/**'],
    ...[...lane, ...server, ...primary, ...compute, ...peers],
  ],
  rounds: 3,
  async run({ quick, rounds, say }) {
    const settings = quick ? quickly : usual;
    const possible = variants.filter(({ needsRedis }) => hasRedis || !needsRedis);
    const skipped = variants.filter((one) => !possible.includes(one)).map(({ label }) => label);
    if (skipped.length > 0) console.log(`Not measured, because ${noRedis}: ${skipped.join('; ')}`);
    const measured = await interleave({ quick, rounds, variants: possible, say }, ({ measure }) =>
      measure(settings),
    );
    const without = measured.off?.values;
    for (const { values } of Object.values(measured)) {
      if (values.processMb === undefined || without?.processMb === undefined) continue;
      values.moreMb = differences(values.processMb, without.processMb);
    }
    return {
      settings: {
        ...settings,
        ...(skipped.length > 0 && { notMeasured: `${skipped.join('; ')}: ${noRedis}` }),
      },
      variants: measured,
    };
  },
  table: ({ variants: results }) => {
    const stores = ['memory', 'disk', 'redis', 'bullmq-plain', 'bullmq-threads', 'bullmq-processes'];
    const values = (/** @type {string} */ name) => results[name]?.values ?? {};
    /** @param {string} label @param {string} metric @param {string} [unit] */
    const row = (label, metric, unit) => [
      label,
      ...stores.map((name) => ({ metric: values(name)[metric], ...(unit !== undefined && { unit }) })),
    ];
    /** @param {string} label @param {string} metric @param {(name: string) => number[] | undefined} base */
    const ratioRow = (label, metric, base) => [
      label,
      ...stores.map((name) => ({ metric: values(name)[metric], base: base(name) })),
    ];
    return {
      columns: ['', ...stores.map((name) => variants.find((one) => one.name === name)?.label ?? name)],
      rows: [
        row('jobs of 1 ms done, per second', 'perSecond'),
        ratioRow('÷ bare threads that do nothing else', 'perSecond', () => values('threads').perSecond),
        ratioRow('÷ BullMQ’s worker threads', 'perSecond', () => values('bullmq-threads').perSecond),
        row('cores busy meanwhile', 'busyPercent', '%'),
        row('event loop per job, from its start to its result', 'runUs', 'µs'),
        row('p99 until a job is accepted', 'acceptP99', 'ms'),
        row('event loop per accepted job', 'acceptUs', 'µs'),
        ratioRow(
          'light p99 beside 1,000 jobs of 25 ms ÷ without',
          'lightP99',
          (name) => values(name).lightAloneP99,
        ),
        ratioRow(
          'p99 of calls of 5 ms beside them ÷ without',
          'callP99',
          (name) => values(name).callAloneP99,
        ),
        row('p99 of these calls beside them', 'callP99', 'ms'),
        row('from `kill -9` of its process until a job runs again', 'restartMs', 'ms'),
        row('a server process', 'processMb', 'MiB'),
        row('more than with JOBS=off', 'moreMb', 'MiB'),
        row('until the first answer', 'firstAnswerMs', 'ms'),
      ],
    };
  },
};

/** @param {readonly number[]} values @param {readonly number[]} base */
function differences(values, base) {
  return values.map((value, round) => value - (base[round] ?? Number.NaN));
}

/** @param {Settings} settings */
async function bareThreads({ shortJobMs, warmMs, durationMs }) {
  return { perSecond: await bareThreadsPerSecond(busyCall(shortJobMs), warmMs, durationMs) };
}

/** @param {'plain' | 'threads' | 'processes'} kind */
function bullmqAlone(kind) {
  return async (/** @type {Settings} */ { shortJobMs, bullmqJobs, warmMs, durationMs }) => {
    const redis = await startRedis();
    try {
      const { limit } = busyCall(shortJobMs);
      const { perSecond, busyPercent } = await runScript(bullmq, [
        ...[kind, redis.port, limit],
        ...[bullmqJobs, warmMs, durationMs],
      ]);
      return { perSecond, busyPercent };
    } finally {
      await redis.close();
    }
  };
}

/** @typedef {(env: Record<string, string>) => Promise<Record<string, number>>} Use with a store of its own, empty */

/** @param {Use} use */
async function onDisk(use) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-jobs-'));
  try {
    return await use({ JOBS_DIR: folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {Use} use */
async function onRedis(use) {
  const redis = await startRedis();
  try {
    return await use({ REDIS_URL: redis.url });
  } finally {
    await redis.close();
  }
}

/** On two servers: what waits at the end of the first part would be in the way of the second. @param {(use: Use) => Promise<Record<string, number>>} withStore */
function ours(withStore) {
  return async (/** @type {Settings} */ settings) => ({
    ...(await withStore((env) => onServer(env, (target) => speed(target, settings)))),
    ...(await onSeveral(settings.besideServers, () =>
      withStore((env) => onServer(env, (target) => beside(target, settings))),
    )),
  });
}

/** The means of what several servers took, one after the other. @param {number} count @param {() => Promise<Record<string, number>>} measure */
async function onSeveral(count, measure) {
  /** @type {Record<string, number>} */
  const means = {};
  for (let i = 0; i < count; i++)
    for (const [metric, value] of Object.entries(await measure()))
      means[metric] = (means[metric] ?? 0) + value / count;
  return means;
}

/** These know of a death at once; on Redis a lock has to run out. @param {(use: Use) => Promise<Record<string, number>>} withStore */
function embedded(withStore) {
  return async (/** @type {Settings} */ settings) => ({
    ...(await ours(withStore)(settings)),
    ...(await withStore((env) => onServer(env, restart))),
  });
}

function startOf() {
  return onServer({ JOBS: 'off' }, async () => ({}));
}

/** What its start took, and what is measured then. @param {Record<string, string>} env @param {(target: Server) => Promise<Record<string, number>>} measure */
async function onServer(env, measure) {
  // All of them are to be kept, and nothing to be refused.
  const { server: target, firstAnswerMs } = await startAnswering(
    millrace({ TASKS_DIR: tasks, JOBS_MAX: '1000000', QUEUE_MAX_WAIT_MS: '60000', ...env }),
  );
  try {
    const sizes = target.processes().slice(1).map(residentMb);
    const processMb = sizes.reduce((sum, one) => sum + one, 0) / sizes.length;
    return { firstAnswerMs, processMb, ...(await measure(target)) };
  } finally {
    await target.close();
  }
}

/** A task's POST that becomes a job of about this many ms. @param {number} ms @returns {import('../load/kinds.js').Call} */
function jobOf(ms) {
  return {
    request: {
      method: 'POST',
      path: '/compute',
      headers: { Prefer: 'respond-async' },
      body: JSON.stringify({ operation: 'primes', limit: busyCall(ms).limit }),
    },
    expected: { status: 202, startsWith: '{"id":"' },
  };
}

/** How soon jobs are accepted, what that costs, and how fast they are done. @param {Server} target @param {Settings} settings */
async function speed(target, settings) {
  const { lightPerSecond, acceptPerSecond, connections, shortJobMs, warmMs, durationMs } = settings;
  const { host, port, url } = target;
  const job = jobOf(shortJobMs);
  const times = { target: { host, port }, warmMs, durationMs };
  const [asked, probe] = await Promise.all([
    load('openLoop', { ...job, ...times, perSecond: acceptPerSecond }),
    load('openLoop', { ...light, ...times, perSecond: lightPerSecond }),
  ]);
  const refused = asked.failed + asked.refused.count + probe.failed;
  if (refused > 0) throw new Error(`${refused} requests failed`);

  const hold = await holdRunners(target);
  const flood = { url, request: job.request, connections };
  await load('saturating', { ...flood, durationMs: warmMs });
  const loopMs = () => loopTimeMs(target);
  const beforeMs = loopMs();
  const { answered, failed } = await load('saturating', { ...flood, durationMs: warmMs });
  if (failed > 0) throw new Error(`${failed} jobs were not accepted`);
  const acceptUs = ((loopMs() - beforeMs) * 1_000) / answered;

  await hold.release();
  const { perSecond, busyPercent, usedUs } = await drain(() => jobsLeft(target), settings, loopMs);
  return { acceptP99: asked.accepted.p99, acceptUs, perSecond, busyPercent, runUs: usedUs };
}

/** What light routes and calls take alone, and beside jobs. @param {Server} target @param {Settings} settings */
async function beside(target, settings) {
  const { besideLightPerSecond: lightPerSecond, besideWarmMs: warmMs, besideMs: durationMs } = settings;
  const { besideMoveMs, longJobMs, waitingJobs, callMs, callsShare } = settings;
  const { host, port } = target;
  const call = busyCall(callMs);
  const perSecond = (callsShare * cores * 1_000) / callMs;
  const probe = async () => {
    const times = { target: { host, port }, warmMs, durationMs };
    const [calls, lights] = await Promise.all([
      load('openLoop', { ...call, ...times, perSecond }),
      load('openLoop', { ...light, ...times, perSecond: lightPerSecond }),
    ]);
    const lost = { lights: lights.failed, calls: calls.failed };
    const late = { refused: calls.refused.count, expired: calls.expired.count };
    if (Object.values({ ...lost, ...late }).some((count) => count > 0))
      throw new Error(`requests failed: ${JSON.stringify({ ...lost, ...late })}`);
    return { call: calls.accepted.p99, light: lights.accepted.p99 };
  };
  const alone = await probe();
  const bytes = requestBytes(jobOf(longJobMs).request);
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const connection = new Connection({ host, port });
      for (let i = 0; i < waitingJobs / 10; i++) {
        const { status } = await connection.request(bytes);
        if (status !== 202) throw new Error(`a job was not accepted: ${status}`);
      }
      connection.close();
    }),
  );
  await delay(besideMoveMs);
  const withJobs = await probe();
  if ((await jobsLeft(target)) === 0) throw new Error('the jobs had ended before the measurement');
  return {
    lightAloneP99: alone.light,
    callAloneP99: alone.call,
    lightP99: withJobs.light,
    callP99: withJobs.call,
  };
}

/** From the `kill -9` of a server process to the moment at which its job runs again. @param {Server} target */
async function restart(target) {
  const path = await holdOne(target);
  const victim = await runsIn(target, path, '');
  const fromMs = performance.now();
  process.kill(Number(victim), 'SIGKILL');
  await runsIn(target, path, victim);
  return { restartMs: performance.now() - fromMs };
}

/** The process that has a job now, as the job told; not the one before. @param {Server} target @param {string} path @param {string} before */
async function runsIn({ adminUrl }, path, before) {
  for (;;) {
    const response = await fetch(new URL(path, adminUrl));
    const job = /** @type {{ progress: { note: string } | null }} */ (await response.json());
    const pid = job.progress?.note ?? before;
    if (pid !== before) return pid;
    await delay(1);
  }
}

/** CPU time of the event loops of all server processes. @param {Server} target */
function loopTimeMs(target) {
  return target
    .processes()
    .slice(1)
    .reduce((sum, pid) => sum + mainThreadMs(pid), 0);
}

/** @param {Server} target @returns {Promise<{ waiting: number, running: number }>} */
async function counts({ adminUrl }) {
  const response = await fetch(new URL('/status', adminUrl));
  const status = /** @type {{ jobs: { waiting: number, running: number } }} */ (await response.json());
  return status.jobs;
}

/** @param {Server} target @returns {Promise<number>} */
async function jobsLeft(target) {
  const { waiting, running } = await counts(target);
  return waiting + running;
}

/** A job that holds its thread. @param {Server} target @returns {Promise<string>} its path */
async function holdOne({ url }) {
  const response = await fetch(new URL('/hold', url), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Prefer: 'respond-async' },
    body: '{}',
  });
  return response.headers.get('location') ?? '';
}

/** Takes all places where jobs run, so that others only wait. @param {Server} target */
async function holdRunners(target) {
  const { url } = target;
  const paths = await Promise.all(Array.from({ length: 4 * cores }, () => holdOne(target)));
  // Each server process has a place: of its two threads one is for calls.
  while ((await counts(target)).running < cores) await delay(20);
  return {
    async release() {
      await Promise.all(paths.map((path) => fetch(new URL(path, url), { method: 'DELETE' })));
    },
  };
}
