// OpenTelemetry, by its API alone: spans and context where whoever runs this process has set up an SDK before it
// (`node --import ./otel.js`). Where nobody has, nothing here is called but `isTraced`, once. Spans of a request are
// server/request/request-span.ts, those of a call lane/call-spans.ts.
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '@opentelemetry/api';

const scope = 'millrace';

const load = createRequire(import.meta.url);

type Otel = typeof import('@opentelemetry/api');
let api: Otel | undefined;

/** Its API. Loaded when it is first asked for: 47 files, of which a server without an SDK needs none. */
export function otel(): Otel {
  if (api !== undefined) return api;
  // `require` would find it again each time, and a traced call asks a dozen times.
  const loaded: Otel = load('@opentelemetry/api');
  api = loaded;
  return loaded;
}

/** Where every copy of the API, of this major version, keeps what an SDK has given it. */
const given = Symbol.for('opentelemetry.js.api.1');

/** Whether there is an SDK. It must be set up before the server is. */
export function isTraced(): boolean {
  if (!(given in globalThis)) return false;
  const provider = otel().trace.getTracerProvider();
  // What stands in for a provider hands out no tracer of its own until there is one.
  if (!('getDelegateTracer' in provider) || typeof provider.getDelegateTracer !== 'function') return true;
  return provider.getDelegateTracer(scope) !== undefined;
}

/** Sends what was recorded and is not sent yet, within this time. Never rejects. */
export async function flushSpans(withinMs: number): Promise<void> {
  const provider: unknown = otel().trace.getTracerProvider();
  const sdk = has(provider, 'getDelegate') ? provider.getDelegate() : provider;
  if (!has(sdk, 'forceFlush')) return;
  const flushed = Promise.resolve(sdk.forceFlush()).catch(() => undefined);
  await Promise.race([flushed, delay(withinMs, undefined, { ref: false })]);
}

function has<Name extends string>(value: unknown, name: Name): value is Record<Name, () => unknown> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function';
}

export const tracer = () => otel().trace.getTracer(scope);

/** What tells another thread which trace it works for, as header fields would tell another process. */
export type TraceCarrier = Readonly<Record<string, string>>;

export function carrierOf(traced: Context): TraceCarrier {
  const carrier: Record<string, string> = {};
  otel().propagation.inject(traced, carrier);
  return carrier;
}

/** Runs it as a part of the trace that the carrier tells of. */
export function within<T>(carrier: TraceCarrier, run: () => T): T {
  const { context, propagation, ROOT_CONTEXT } = otel();
  return context.with(propagation.extract(ROOT_CONTEXT, carrier), run);
}
