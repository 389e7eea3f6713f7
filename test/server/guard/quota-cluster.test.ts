// The quota where it counts: two real server processes, one client, as fast as it can.
import { Agent, request } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { type Cluster, startCluster } from '../../support/cluster.js';

interface Answer {
  readonly status: number;
  readonly runMs: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

const work = JSON.stringify({ algorithm: 'pbkdf2-sha256', data: 'secret', iterations: 30_000 });

/** A client with its own connections: which process gets them is the kernel's affair. */
function client(cluster: Cluster, connections: number, address?: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  onTestFinished(() => agent.destroy());
  return (path: string, body?: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        ...(address !== undefined && { 'x-forwarded-for': address }),
      };
      const method = body === undefined ? 'GET' : 'POST';
      const req = request({ port: cluster.port, path, method, headers, agent }, (res) => {
        let text = '';
        res.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        res.once('end', () => {
          const runMs = Number(/run;dur=([\d.]+)/.exec(String(res.headers['server-timing']))?.[1] ?? 0);
          resolve({ status: res.statusCode ?? 0, runMs, headers: res.headers, body: text });
        });
      });
      req.once('error', reject);
      req.end(body);
    });
}

it('one client gets its quota from all server processes together, and others are not touched', async () => {
  const quotaMs = 3_000;
  const connections = 6;
  await using cluster = await startCluster({
    env: { WORKERS: '2', CPU_QUOTA_MS_PER_MINUTE: String(quotaMs), TRUST_PROXY: '1' },
  });
  const greedy = client(cluster, connections, '192.0.2.1');
  const pids = new Set<string>();
  while (pids.size < 2) pids.add((await client(cluster, 1)('/')).body);

  const startedMs = performance.now();
  const answers: Answer[] = [];
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let refused = 0; refused < 3 && performance.now() - startedMs < 20_000; ) {
        const answer = await greedy('/hash', work);
        answers.push(answer);
        if (answer.status === 429) {
          refused++;
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
      }
    }),
  );
  const elapsedMs = performance.now() - startedMs;
  const done = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status === 429);
  expect(done.length + refused.length).toBe(answers.length);

  // All of the quota, what came back since, at most half a quota that the processes let in before they knew of each
  // other, and what the calls that ran when it was spent took beyond their estimate: much on a busy machine.
  const spentMs = done.reduce((sum, { runMs }) => sum + runMs, 0);
  const refilledMs = (quotaMs * elapsedMs) / 60_000;
  expect(spentMs).toBeGreaterThan(quotaMs * 0.6);
  const longestMs = Math.max(...done.map(({ runMs }) => runMs));
  expect(spentMs).toBeLessThan(quotaMs * 1.5 + refilledMs + connections * longestMs);

  for (const { headers, body } of refused) {
    expect(headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(body)).toMatchObject({ code: 'QUOTA_EXCEEDED', status: 429 });
    expect(headers['retry-after']).toMatch(/^[1-9]\d?$/);
    expect(headers['ratelimit-policy']).toBe(`"cpu";q=${quotaMs};w=60`);
    expect(headers.ratelimit).toMatch(/^"cpu";r=\d+;t=\d+$/);
  }
  const left = done.map(({ headers }) => Number(/r=(\d+)/.exec(String(headers.ratelimit))?.[1]));
  expect(left[0]).toBeLessThan(quotaMs);
  expect(Math.min(...left)).toBeLessThan(quotaMs / 4);

  const polite = await client(cluster, 1, '192.0.2.2')('/hash', work);
  expect(polite.status).toBe(200);
  const light = await greedy('/io/delay?ms=1');
  expect(light.status).toBe(200);
  expect(light.headers.ratelimit).toBeUndefined();
  expect(await cluster.stop()).toBe(0);
});

it('each process goes on with its share while the primary is silent', async () => {
  const quotaMs = 2_000;
  // Otherwise the primary hands out the connections, too.
  await using cluster = await startCluster({
    env: {
      WORKERS: '2',
      CPU_QUOTA_MS_PER_MINUTE: String(quotaMs),
      TRUST_PROXY: '1',
      NODE_CLUSTER_SCHED_POLICY: 'none',
    },
  });
  const ask = client(cluster, 1, '192.0.2.1');
  expect((await ask('/hash', work)).status).toBe(200);
  cluster.signal('SIGSTOP');
  try {
    const startedMs = performance.now();
    const done: number[] = [];
    const spentMs = () => done.reduce((sum, ms) => sum + ms, 0);
    /** Until the next refusal. */
    async function spend(): Promise<void> {
      for (let status = 200; status === 200; ) {
        const answer = await ask('/hash', work);
        ({ status } = answer);
        if (status === 200) done.push(answer.runMs);
      }
    }
    // A lease of a quarter and a credit of another is what a process has that still waits for an answer.
    while (spentMs() < quotaMs * 0.75 && performance.now() - startedMs < 15_000) {
      await spend();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(spentMs()).toBeGreaterThan(quotaMs * 0.75);
    await spend();
    const refilledMs = (quotaMs * (performance.now() - startedMs)) / 60_000;
    expect(spentMs()).toBeLessThan(quotaMs + refilledMs + 2 * Math.max(...done));
  } finally {
    cluster.signal('SIGCONT');
  }
  expect(await cluster.stop()).toBe(0);
});
