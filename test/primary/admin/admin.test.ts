// The admin server of a real cluster: what it tells, what it passes on, and to whom.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type AdminCluster, ask, nextEvent, startAdminCluster } from '../../support/admin.js';
import { launch } from '../../support/cluster.js';
import { parseExposition } from '../../support/exposition.js';

const whole = z.int().min(0);
const counts = z.strictObject({
  completed: whole,
  failed: whole,
  refused: whole,
  expired: whole,
  cancelled: whole,
  inline: whole,
  thread: whole,
});
const percentiles = z.strictObject({ p50: z.number().positive(), p99: z.number().positive() }).nullable();
const reload = z.strictObject({
  id: z.uuid(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
  outcome: z.enum(['completed', 'aborted']).nullable(),
  reason: z.string().nullable(),
});
const statusShape = z.strictObject({
  primary: z.strictObject({
    pid: whole,
    state: z.enum(['starting', 'ready', 'degraded', 'stopping']),
    uptimeMs: whole,
    restarts: whole,
    memoryBytes: whole.min(1_000_000),
    cpuCores: z.number().min(0),
    lastReload: reload
      .extend({ finishedAt: z.iso.datetime(), outcome: z.enum(['completed', 'aborted']) })
      .nullable(),
    reloads: z.array(reload).max(20),
    exits: z.array(z.looseObject({ pid: whole, reason: z.string(), at: z.iso.datetime() })).max(20),
  }),
  lane: z.strictObject({ load: z.number().min(0), waitSeconds: z.number().min(0) }),
  servers: z.array(
    z.strictObject({
      pid: whole,
      state: z.enum(['starting', 'ready', 'draining', 'dead']),
      uptimeMs: whole,
      memoryBytes: whole,
      cpuCores: z.number().min(0),
      release: z.strictObject({ folder: z.string(), version: z.string() }).nullable(),
      eventLoopDelayMs: z.strictObject({ p50: z.number().min(0), p99: z.number().min(0) }),
      threads: z.strictObject({
        busy: whole,
        idle: whole,
        max: whole,
        forJobs: whole,
        leftover: whole,
        stuck: whole,
      }),
      queue: z.strictObject({ waiting: whole, limit: whole }),
      tasks: z.record(z.string(), counts),
    }),
  ),
  totals: z.record(z.string(), counts),
  latencyMs: z.record(z.string(), z.strictObject({ thread: percentiles, inline: percentiles })),
  jobs: z.strictObject({
    waiting: z.int(),
    running: z.int(),
    completed: z.int(),
    failed: z.int(),
    cancelled: z.int(),
    oldestMs: z.number(),
    reruns: z.int(),
  }),
});

let cluster: AdminCluster;
beforeAll(async () => {
  cluster = await startAdminCluster();
});
afterAll(() => cluster.dispose());

const at = (path: string) => `${cluster.adminUrl}${path}`;
const status = async () => statusShape.parse(JSON.parse((await ask(at('/status'))).body));
const metrics = async () => parseExposition((await ask(at('/metrics'))).body);

/** Calls of it so far. */
let hashed = 0;

async function hash(times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const response = await fetch(`${cluster.url}/hash?algorithm=sha256&data=${i}`);
    expect(response.status).toBe(200);
    await response.arrayBuffer();
    hashed++;
  }
}

/** Every server process has told of all of them. */
const counted = () => expect.poll(async () => (await status()).totals.hash?.completed).toBe(hashed);

describe('GET /status and GET /metrics', () => {
  it('have counted a call as soon as it was answered', async () => {
    const before = hashed;
    await hash(6);
    // A server process that does not answer in time is told as it was before.
    await expect.poll(async () => (await status()).totals.hash?.completed).toBe(before + 6);
    const after = await status();
    expect(after.servers.map(({ state }) => state)).toEqual(['ready', 'ready']);
    expect(after.primary).toMatchObject({ pid: cluster.pid, state: 'ready' });
    await counted();
    const { sum } = await metrics();
    expect(sum('millrace_calls_total', { task: 'hash', outcome: 'completed' })).toBe(before + 6);
    expect(sum('http_request_duration_seconds_count', { route: '/hash', status: '200' })).toBe(before + 6);
    expect(sum('millrace_server_processes', { state: 'ready' })).toBe(2);
    expect(sum('millrace_threads')).toBe(
      after.servers.reduce(
        (n, { threads }) => n + threads.busy + threads.idle + threads.leftover + threads.stuck,
        0,
      ),
    );
  });

  it('tell how long the calls of each task took, and what each process takes of the machine', async () => {
    const before = await status();
    expect(before.latencyMs['hash.verify']).toEqual({ thread: null, inline: null });
    const response = await fetch(`${cluster.url}/compute/primes?limit=3000000`);
    await response.arrayBuffer();
    await expect.poll(async () => (await status()).totals.compute?.completed).toBeGreaterThan(0);
    const { totals, latencyMs, servers } = await status();
    expect(Object.keys(latencyMs)).toEqual(Object.keys(totals));
    const [, run] = /run;dur=([\d.]+)/.exec(response.headers.get('server-timing') ?? '') ?? [];
    expect(Number(run)).toBeGreaterThan(1);
    // A cell of the scale is 9 % wide, and what was waited comes on top.
    expect(latencyMs.compute?.thread?.p99).toBeGreaterThan(Number(run) * 0.9);
    expect(latencyMs.compute?.inline).toBeNull();
    for (const { memoryBytes } of servers) expect(memoryBytes).toBeGreaterThan(20_000_000);
    expect(servers.some(({ cpuCores }) => cpuCores > 0)).toBe(true);
  });

  it('do not go back when a server process is killed, and its successor starts from nothing', async () => {
    await hash(20);
    await counted();
    const before = await metrics();
    const old = (await status()).servers.map(({ pid }) => pid);
    const [victim] = old;
    if (victim === undefined) throw new Error('there is no server process');
    await nextEvent(
      cluster.adminUrl,
      ({ type, data }) => type === 'lifecycle' && data.type === 'ready',
      () => process.kill(victim, 'SIGKILL'),
    );
    const labels = async () =>
      (await metrics()).samples
        .filter(({ name }) => name === 'process_resident_memory_bytes')
        .map((sample) => sample.labels.process)
        .sort();
    await expect.poll(labels).toEqual(['1', '2', 'primary']);
    const after = await metrics();
    const counting = before.samples.filter(({ name }) =>
      /^(millrace_.*|http_.*)_(total|count|sum|bucket)$/.test(name),
    );
    expect(counting.length).toBeGreaterThan(30);
    for (const { name, labels, value } of counting) {
      expect(after.sum(name, labels), `${name} ${JSON.stringify(labels)}`).toBeGreaterThanOrEqual(value);
    }
    expect(after.sum('millrace_server_restarts_total', { reason: 'died' })).toBe(1);
    const now = await status();
    expect(now.primary.restarts).toBe(1);
    expect(now.primary.exits.at(-1)).toMatchObject({ pid: victim, signal: 'SIGKILL', reason: 'died' });
    const fresh = now.servers.find(({ pid }) => !old.includes(pid));
    expect(fresh?.tasks.hash?.completed).toBe(0);
    expect(now.totals.hash?.completed).toBe(
      before.sum('millrace_calls_total', { task: 'hash', outcome: 'completed' }),
    );
  });

  it('do not wait for a server process that is silent', async () => {
    await counted();
    const before = await metrics();
    const [stopped] = (await status()).servers;
    if (stopped === undefined) throw new Error('there is no server process');
    process.kill(stopped.pid, 'SIGSTOP');
    try {
      const after = await metrics();
      const completed = { task: 'hash', outcome: 'completed' };
      expect(after.sum('millrace_calls_total', completed)).toBe(
        before.sum('millrace_calls_total', completed),
      );
      expect((await status()).servers.some(({ pid }) => pid === stopped.pid)).toBe(true);
    } finally {
      process.kill(stopped.pid, 'SIGCONT');
    }
  });
});

describe('POST /reload', () => {
  it('is 202, then 409 while it runs, and /status tells how it ended', async () => {
    const old = (await status()).servers.map(({ pid }) => pid);
    let id: unknown;
    await nextEvent(
      cluster.adminUrl,
      ({ type, data }) => type === 'lifecycle' && data.type === 'reload completed',
      async () => {
        const started = await ask(at('/reload'), { method: 'POST' });
        expect([started.status, started.body]).toEqual([202, '{"reload":"started"}']);
        id = started.headers['x-reload-id'];
        const second = await ask(at('/reload'), { method: 'POST' });
        expect(second.status).toBe(409);
        expect(JSON.parse(second.body)).toMatchObject({ code: 'CONFLICT', status: 409 });
      },
    );
    const { primary, servers } = await status();
    expect(primary.lastReload).toMatchObject({ id, outcome: 'completed', reason: null });
    expect(servers.filter(({ pid, state }) => old.includes(pid) && state === 'ready')).toEqual([]);
  });
});

describe('GET /events', () => {
  it('tells what was, then a snapshot a second', async () => {
    const { data } = await nextEvent(cluster.adminUrl, ({ type }) => type === 'history');
    expect(data).toMatchObject({
      events: expect.arrayContaining([expect.objectContaining({ type: 'forked' })]),
    });
    const snapshot = await nextEvent(cluster.adminUrl, ({ type }) => type === 'snapshot');
    expect(snapshot.data).toMatchObject({
      status: { primary: { pid: cluster.pid } },
      sample: { io: { perSecond: expect.any(Number) }, cpu: {}, waiting: 0 },
    });
  });

  it('has room for few, and says so to the next', async () => {
    // An answer that nobody holds any more is closed once it is collected.
    const open: { readonly stop: AbortController; readonly stream: Response }[] = [];
    try {
      for (let i = 0; i < 32; i++) {
        const stop = new AbortController();
        open.push({ stop, stream: await fetch(at('/events'), { signal: stop.signal }) });
      }
      const refused = await ask(at('/events'));
      expect(refused.status).toBe(503);
      expect(refused.headers['retry-after']).toBe('5');
      expect(open.map(({ stream }) => stream.status)).toEqual(Array(32).fill(200));
    } finally {
      for (const { stop } of open) stop.abort();
    }
  });
});

describe('the admin server', () => {
  it.each([
    ['GET', '/nothing', {}, 404, 'NOT_FOUND'],
    ['POST', '/status', {}, 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/reload', {}, 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', '/', {}, 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/', { Host: 'evil.example' }, 403, 'FORBIDDEN'],
    ['POST', '/reload', { Origin: 'http://evil.example' }, 403, 'FORBIDDEN'],
    ['GET', '/%2e%2e/%2e%2e/package.json', {}, 404, 'NOT_FOUND'],
  ])('answers %s %s %o with %i', async (method, path, headers, code, name) => {
    const { status, body, headers: sent } = await ask(at(path), { method, headers });
    expect(status).toBe(code);
    expect(sent['content-type']).toBe('application/problem+json');
    expect(JSON.parse(body)).toMatchObject({ code: name, requestId: sent['x-request-id'] });
    if (code === 405) expect(sent.allow).toContain('OPTIONS');
  });

  it.each(['/', '/status', '/metrics', '/events'])('answers HEAD %s without a body', async (path) => {
    const { status, body } = await ask(at(path), { method: 'HEAD' });
    expect([status, body]).toEqual([200, '']);
  });

  it('answers OPTIONS with what is allowed', async () => {
    const { status, headers } = await ask(at('/reload'), { method: 'OPTIONS' });
    expect([status, headers.allow]).toEqual([204, 'POST, OPTIONS']);
  });

  it('lets its page load nothing from elsewhere, run nothing inline and be framed by nobody', async () => {
    const policy = (await ask(at('/'))).headers['content-security-policy'];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
  });
});

describe('its settings', () => {
  it('ADMIN_PORT=off: there is none', async () => {
    await using other = await startAdminCluster({ ADMIN_PORT: 'off', WORKERS: '1' });
    expect(other.adminUrl).toBe('null');
  });

  it.each([
    ['ADMIN_PORT', () => ({ ADMIN_PORT: new URL(cluster.adminUrl).port })],
    ['ADMIN_HOST', () => ({ ADMIN_HOST: '192.0.2.1' })],
  ])('%s that cannot be used: exit code 78 and one line that names it', async (name, env) => {
    await using other = launch({ env: env() });
    expect(await other.exited).toBe(78);
    expect(other.stderr()).toMatch(new RegExp(`^millrace: ${name} [^\n]*\n$`));
  });
});

describe('while the server stops', () => {
  it('/status says so until the end', async () => {
    await using other = await startAdminCluster({ WORKERS: '1', SHUTDOWN_DELAY_MS: '10000' });
    other.signal('SIGTERM');
    await other.waitForLine(({ msg }) => msg === 'stopping');
    const { body } = await ask(`${other.adminUrl}/status`);
    expect(statusShape.parse(JSON.parse(body)).primary.state).toBe('stopping');
    expect(await other.exited).toBe(0);
  });
});
