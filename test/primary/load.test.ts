// What a machine tells balancers and autoscalers, while more is asked of it than it can do: by /status, /metrics, the
// agent, ORCA and the header of a refusal.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Cluster, startCluster } from '../support/cluster.js';
import { parseExposition } from '../support/exposition.js';
import { underway } from '../support/underway.js';

const app = fileURLToPath(new URL('../fixtures/apps/balanced/app.js', import.meta.url));

/** One thread, and four places for calls that wait. */
const oneThread = {
  APP: app,
  AGENT_PORT: '0',
  WORKERS: '1',
  POOL_MAX_THREADS: '1',
  POOL_MAX_QUEUE: '4',
  QUEUE_MAX_WAIT_MS: '600000',
  TASK_TIMEOUT_MS: '600000',
  SHUTDOWN_DELAY_MS: '600000',
};

let cluster: Cluster;
let agentPort: number;

beforeAll(async () => {
  cluster = await startCluster({ env: oneThread });
  const line = await cluster.waitForLine(({ msg }) => msg === 'listening');
  agentPort = Number(line.agentPort);
});
afterAll(() => cluster.dispose());

const lane = async () =>
  z
    .object({ lane: z.strictObject({ load: z.number(), waitSeconds: z.number() }) })
    .parse(await (await fetch(`${cluster.adminUrl}/status`)).json()).lane;

async function agent(): Promise<string> {
  const socket = connect({ port: agentPort, host: '127.0.0.1' }).setEncoding('utf8');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await once(socket, 'close');
  return text;
}

async function untilAgentSays(line: string): Promise<void> {
  while ((await agent()) !== line) await sleep(50);
}

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(`${cluster.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

const orca = async (format: string) =>
  (await fetch(`${cluster.url}/light`, { headers: { 'endpoint-load-metrics-format': format } })).headers.get(
    'endpoint-load-metrics',
  );

describe.sequential('a machine', () => {
  it('that has nothing to do says so everywhere', async () => {
    expect(await lane()).toEqual({ load: 0, waitSeconds: 0 });
    await untilAgentSays('up ready 100%\n');
    const answer = await fetch(`${cluster.url}/light`);
    expect(answer.headers.has('endpoint-load-metrics')).toBe(false);
    expect(await orca('BIN')).toBeNull();
  });

  it('of which more is asked than it can do tells a load beyond 1, and how long a call would wait', async () => {
    // A task whose calls take a minute: 60 s of work runs, 240 s wait.
    for (let i = 0; i < 5; i++) {
      void post('/count', { ms: 60_000 }).catch(() => undefined);
      await underway(cluster.adminUrl, i + 1);
    }
    while ((await lane()).load < 240) await sleep(50);
    const { load, waitSeconds } = await lane();
    expect(load).toBeLessThanOrEqual(241);
    expect(waitSeconds).toBeGreaterThan(240);
    const { sum } = parseExposition(await (await fetch(`${cluster.adminUrl}/metrics`)).text());
    expect(sum('millrace_lane_load', {})).toBeGreaterThanOrEqual(240);
    expect(sum('millrace_lane_wait_seconds', {})).toBeGreaterThan(240);
    await untilAgentSays('up ready 1%\n');
  });

  it('tells the same to a balancer that asks with a request, in both forms', async () => {
    const json = async () => z.string().parse(await orca('JSON'));
    const read = async () =>
      z
        .strictObject({
          application_utilization: z.number(),
          cpu_utilization: z.number().min(0),
          rps_fractional: z.number().min(0),
          eps: z.number().min(0),
        })
        .parse(JSON.parse((await json()).replace(/^JSON /, '')));
    // A new server process is told with the next beat.
    while ((await orca('JSON')) === null) await sleep(50);
    while ((await read()).application_utilization < 240) await sleep(50);
    expect(await orca('TEXT')).toMatch(
      /^TEXT application_utilization=24[\d.]+,cpu_utilization=[\d.]+,rps_fractional=[\d.]+,eps=[\d.]+$/,
    );
    const refused = await post('/count', { ms: 1 }, { 'endpoint-load-metrics-format': 'JSON' });
    expect(refused.headers.get('endpoint-load-metrics')).toMatch(/^JSON /);
  });

  it('says of a refusal that nothing has begun, but not where a handler of the app may have', async () => {
    const refused = await post('/count', { ms: 1 });
    expect([refused.status, refused.headers.get('x-millrace-not-begun')]).toEqual([503, '1']);
    const own = await post('/own', {});
    expect([own.status, own.headers.get('x-millrace-not-begun')]).toEqual([503, null]);
    for (const answer of [await fetch(`${cluster.url}/light`), await fetch(`${cluster.url}/nothing`)])
      expect(answer.headers.has('x-millrace-not-begun')).toBe(false);
  });

  it('that stops tells the agent to drain it', async () => {
    cluster.signal('SIGTERM');
    await cluster.waitForLine(({ msg }) => msg === 'stopping');
    expect(await agent()).toBe('drain\n');
  });
});
