// millrace status: what the admin server knows, as tables for people or as JSON for programs.
import { z } from 'zod';
import { askAdmin, unexpected } from './admin-client.js';
import { duration, textTable } from './text-table.js';

const counts = z.object({
  completed: z.number(),
  shared: z.number().default(0),
  failed: z.number(),
  refused: z.number(),
  expired: z.number(),
  cancelled: z.number(),
  inline: z.number(),
  thread: z.number(),
});

const percentiles = z.object({ p50: z.number(), p99: z.number() }).nullable();

/** As much of /status as is shown. An older primary may not tell the optional parts: after a reload it runs on. */
const answer = z.object({
  primary: z.object({
    pid: z.number(),
    state: z.string(),
    uptimeMs: z.number(),
    restarts: z.number(),
    memoryBytes: z.number().optional(),
    cpuCores: z.number().optional(),
    lastReload: z
      .object({ finishedAt: z.string(), outcome: z.string(), reason: z.string().nullable() })
      .nullable(),
  }),
  lane: z.object({ load: z.number(), waitSeconds: z.number() }).optional(),
  servers: z.array(
    z.object({
      pid: z.number(),
      state: z.string(),
      uptimeMs: z.number(),
      memoryBytes: z.number().optional(),
      cpuCores: z.number().optional(),
      eventLoopDelayMs: z.object({ p50: z.number(), p99: z.number() }),
      threads: z.object({ busy: z.number(), idle: z.number(), max: z.number() }),
      queue: z.object({ waiting: z.number(), limit: z.number() }),
    }),
  ),
  totals: z.record(z.string(), counts),
  latencyMs: z.record(z.string(), z.object({ thread: percentiles, inline: percentiles })).default({}),
});

type ClusterAnswer = z.output<typeof answer>;

/** @throws CommandError where nobody answers, or something else does */
export async function status(admin: URL, json: boolean): Promise<string> {
  const got = await askAdmin(admin, 'GET', '/status');
  const read = answer.safeParse(got.body);
  if (got.status !== 200 || !read.success) throw unexpected(admin, got);
  if (json) return JSON.stringify(got.body, null, 2);
  return [
    `${primaryLine(read.data)}${loadLine(read.data)}`,
    serverTable(read.data),
    taskTable(read.data),
  ].join('\n\n');
}

function primaryLine({ primary }: ClusterAnswer): string {
  const { state, pid, uptimeMs, restarts, lastReload, memoryBytes, cpuCores } = primary;
  const reload =
    lastReload === null
      ? 'no reload yet'
      : `last reload ${[lastReload.outcome, lastReload.finishedAt, lastReload.reason].filter((one) => one !== null).join(', ')}`;
  return `millrace is ${state}: primary ${pid}, up ${duration(uptimeMs)}, CPU ${percent(cpuCores)} %, ${mebibytes(memoryBytes)} MiB, ${restarts} ${restarts === 1 ? 'restart' : 'restarts'}, ${reload}`;
}

/** What balancers and autoscalers go by. */
function loadLine({ lane }: ClusterAnswer): string {
  if (lane === undefined) return '';
  return `\nload ${lane.load.toFixed(2)} (1: all that the threads can do), a call would wait ${lane.waitSeconds.toFixed(2)} s`;
}

function serverTable({ servers }: ClusterAnswer): string {
  return textTable([
    [
      'SERVER PROCESS',
      'STATE',
      'UP',
      'CPU %',
      'MEMORY MIB',
      'LOOP P50 MS',
      'LOOP P99 MS',
      'THREADS BUSY',
      'IDLE',
      'MAX',
      'WAITING',
      'LIMIT',
    ],
    ...servers.map(
      ({ pid, state, uptimeMs, cpuCores, memoryBytes, eventLoopDelayMs: delay, threads, queue }) => [
        String(pid),
        state,
        duration(uptimeMs),
        percent(cpuCores),
        mebibytes(memoryBytes),
        rounded(delay.p50),
        rounded(delay.p99),
        threads.busy,
        threads.idle,
        threads.max,
        queue.waiting,
        queue.limit,
      ],
    ),
  ]);
}

function taskTable({ totals, latencyMs }: ClusterAnswer): string {
  const table = textTable([
    [
      'TASK',
      'THREAD P50 MS',
      'P99 MS',
      'INLINE P99 MS',
      'COMPLETED',
      'SHARED',
      'FAILED',
      'REFUSED',
      'EXPIRED',
      'CANCELLED',
      'INLINE',
      'THREAD',
    ],
    ...Object.entries(totals).map(([task, one]) => {
      const { thread = null, inline = null } = Object.hasOwn(latencyMs, task) ? (latencyMs[task] ?? {}) : {};
      return [
        task,
        thread?.p50 ?? '-',
        thread?.p99 ?? '-',
        inline?.p99 ?? '-',
        one.completed,
        one.shared,
        one.failed,
        one.refused,
        one.expired,
        one.cancelled,
        one.inline,
        one.thread,
      ];
    }),
  ]);
  return `${table}\n\nP50 and P99: wait and run of the calls of the last minute, without jobs. Counts: since the primary started, runs of jobs among them.`;
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** 100 is one core. */
function percent(cores: number | undefined): number | '-' {
  return cores === undefined ? '-' : Math.round(cores * 100);
}

function mebibytes(bytes: number | undefined): number | '-' {
  return bytes === undefined ? '-' : Math.round(bytes / 1_048_576);
}
