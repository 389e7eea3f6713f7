// The span of a request, where traces are recorded: it continues its client's trace, and all that the request causes
// stands below it. Where an instrumentation of node:http has begun one already, that one is told the route.
import type { Context, Span } from '@opentelemetry/api';
import type { Request, Response } from 'express';
import { otel, tracer } from '../../tracing.js';
import { routeOf } from './arrival.js';

/** @param handle what the request causes; it is called at once */
export function withRequestSpan<T>(req: Request, res: Response, handle: () => T): T {
  const { context, propagation, trace } = otel();
  const active = context.active();
  const begun = trace.getSpan(active);
  const parent = begun === undefined ? propagation.extract(active, req.headers) : active;
  const span = begun ?? startSpan(req, parent);
  res.once('close', () => {
    endSpan(span, req, res);
    // Whoever has begun another one ends it.
    if (begun === undefined) span.end();
  });
  return context.with(trace.setSpan(parent, span), handle);
}

function startSpan(req: Request, parent: Context): Span {
  const { method, httpVersion, headers, url } = req;
  const [path = ''] = url.split('?');
  const agent = headers['user-agent'];
  const attributes = {
    'http.request.method': method,
    'url.scheme': 'http',
    // Without its query, which may hold what no log may.
    'url.path': path,
    'network.protocol.version': httpVersion,
    ...(agent !== undefined && { 'user_agent.original': agent }),
  };
  return tracer().startSpan(method, { kind: otel().SpanKind.SERVER, attributes }, parent);
}

function endSpan(span: Span, req: Request, res: Response): void {
  const route = routeOf(req);
  if (route !== 'unmatched') {
    span.updateName(`${req.method} ${route}`);
    span.setAttribute('http.route', route);
  }
  if (!res.headersSent) return;
  span.setAttribute('http.response.status_code', res.statusCode);
  if (res.statusCode >= 500) span.setStatus({ code: otel().SpanStatusCode.ERROR });
}
