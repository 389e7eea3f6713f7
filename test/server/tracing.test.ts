// Traces with a real SDK, set up by the file in deploy/ and sent by its own exporter to a server of the test.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Cluster, startCluster } from '../support/cluster.js';

const fixture = (path: string) => fileURLToPath(new URL(`../fixtures/traced/${path}`, import.meta.url));

const otel = fileURLToPath(new URL('../../deploy/opentelemetry/otel.js', import.meta.url));

const attribute = z.object({
  key: z.string(),
  value: z.object({
    stringValue: z.string().optional(),
    intValue: z.union([z.string(), z.number()]).optional(),
  }),
});
const spanShape = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.number(),
  startTimeUnixNano: z.string(),
  endTimeUnixNano: z.string(),
  attributes: z.array(attribute).default([]),
  status: z.object({ code: z.number().optional() }).default({}),
});
const exportShape = z.object({
  resourceSpans: z.array(z.object({ scopeSpans: z.array(z.object({ spans: z.array(spanShape) })) })),
});
type Span = z.infer<typeof spanShape>;

/** Takes in what exporters send. */
function startCollector() {
  const spans: Span[] = [];
  const waiters = new Set<() => void>();
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const { resourceSpans } = exportShape.parse(JSON.parse(Buffer.concat(chunks).toString()));
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((one) => one.spans)));
    res.setHeader('content-type', 'application/json').end('{}');
    for (const waiter of waiters) waiter();
  }).listen(0, '127.0.0.1');
  return {
    url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** So many spans of this trace, by name. */
    async trace(traceId: string, count: number): Promise<Map<string, Span>> {
      const found = () => spans.filter((span) => span.traceId === traceId);
      while (found().length < count) await new Promise<void>((resolve) => void waiters.add(resolve));
      expect(found().length).toBe(count);
      return new Map(found().map((span) => [span.name, span]));
    },
    close: () => server.close(),
  };
}

const collector = startCollector();
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({
    env: {
      NODE_OPTIONS: `--import ${otel}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url(),
      OTEL_BSP_SCHEDULE_DELAY: '50',
      APP: fixture('app.js'),
      BUILT_INS: 'on',
      WORKERS: '1',
    },
  });
});
afterAll(async () => {
  await cluster.dispose();
  collector.close();
});

let traces = 0;
const newTraceId = () => (++traces).toString(16).padStart(32, 'a');

const ask = (path: string, traceId: string, init: RequestInit = {}) =>
  fetch(`${cluster.url}${path}`, {
    ...init,
    headers: { traceparent: `00-${traceId}-00000000000000b1-01`, 'content-type': 'application/json' },
  });

const attributes = (span: Span | undefined) =>
  Object.fromEntries(
    (span?.attributes ?? []).map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  );

describe('a trace', () => {
  it('goes on from the client by the request, the queue and the run to what the task itself records', async () => {
    const traceId = newTraceId();
    const answer = await ask('/asks', traceId, { method: 'POST', body: '{}' });
    const { traceparent } = z.object({ traceparent: z.string() }).parse(await answer.json());
    const spans = await collector.trace(traceId, 4);
    expect([...spans.keys()].sort()).toEqual(['POST /asks', 'queue', 'run', 'work']);
    const [http, queue, run, work] = ['POST /asks', 'queue', 'run', 'work'].map((name) => spans.get(name));
    expect(http?.parentSpanId).toBe('00000000000000b1');
    expect(http?.kind).toBe(2);
    expect(attributes(http)).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/asks',
      'url.path': '/asks',
      'http.response.status_code': 200,
    });
    expect([queue?.parentSpanId, run?.parentSpanId]).toEqual([http?.spanId, http?.spanId]);
    expect(attributes(run)).toEqual({
      'millrace.task': 'asks',
      'millrace.lane': 'thread',
      'millrace.outcome': 'completed',
    });
    // Across the thread: the task's own span, and the header of what it asks of others.
    expect(work?.parentSpanId).toBe(run?.spanId);
    expect(traceparent).toBe(`00-${traceId}-${run?.spanId}-01`);
    // The SDK takes a span's start from one clock, in whole milliseconds, and its length from another: they may be apart by one.
    const ms = (nano: unknown) => Number(nano) / 1_000_000;
    expect(ms(run?.startTimeUnixNano) - ms(queue?.endTimeUnixNano)).toBeGreaterThan(-2);
    expect(ms(run?.endTimeUnixNano) - ms(run?.startTimeUnixNano)).toBeGreaterThan(0);
  });

  it('tells the pattern of a route, never its query, and stands round what an app records itself', async () => {
    const traceId = newTraceId();
    await (await ask('/orders/7?secret=1', traceId)).arrayBuffer();
    const spans = await collector.trace(traceId, 5);
    const http = spans.get('GET /orders/:id');
    expect(attributes(http)).toMatchObject({ 'http.route': '/orders/:id', 'url.path': '/orders/7' });
    expect(JSON.stringify(http)).not.toContain('secret');
    const order = spans.get('order');
    expect(order?.parentSpanId).toBe(http?.spanId);
    expect([spans.get('queue')?.parentSpanId, spans.get('run')?.parentSpanId]).toEqual([
      order?.spanId,
      order?.spanId,
    ]);
  });

  it('says what failed', async () => {
    const traceId = newTraceId();
    expect((await ask('/asks', traceId, { method: 'POST', body: '{"fail":true}' })).status).toBe(500);
    const spans = await collector.trace(traceId, 4);
    expect(spans.get('run')?.status.code).toBe(2);
    expect(spans.get('POST /asks')?.status.code).toBe(2);
    expect(attributes(spans.get('run'))['millrace.outcome']).toBe('failed');
  });

  it('of a light route is one span', async () => {
    const traceId = newTraceId();
    await (await ask('/livez', traceId)).arrayBuffer();
    expect([...(await collector.trace(traceId, 1)).keys()]).toEqual(['GET /livez']);
  });
});

it('what was recorded last is sent before a server process ends', async () => {
  await using last = await startCluster({
    env: {
      NODE_OPTIONS: `--import ${otel}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url(),
      // Nobody waits for so long.
      OTEL_BSP_SCHEDULE_DELAY: '600000',
      WORKERS: '1',
    },
  });
  const traceId = newTraceId();
  await fetch(`${last.url}/livez`, { headers: { traceparent: `00-${traceId}-00000000000000b1-01` } });
  expect(await last.stop()).toBe(0);
  expect([...(await collector.trace(traceId, 1)).keys()]).toEqual(['GET /livez']);
});

it('without an SDK there is none, and a task finds no context', async () => {
  await using plain = await startCluster({ env: { APP: fixture('app.js'), WORKERS: '1' } });
  const answer = await fetch(`${plain.url}/asks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent: `00-${newTraceId()}-00000000000000b1-01` },
    body: '{}',
  });
  expect(await answer.json()).toEqual({ traceparent: null });
});
