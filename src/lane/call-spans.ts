// Wrapped round the lane where traces are recorded: a call's `queue` and `run` as spans of the request that it is made
// for. The thread is told of `run`, so that what a task itself records, or asks of others, stands below it.
import type { Span } from '@opentelemetry/api';
import { carrierOf, otel, tracer } from '../tracing.js';
import type { CallRecord, CallTrace } from './call.js';
import type { LaneWrapper } from './lane-call.js';

export const withSpans: LaneWrapper = (lane) => ({
  checkRoom: lane.checkRoom,
  run(call, listener) {
    const { context, SpanStatusCode, trace } = otel();
    const parent = context.active();
    // A program's call outside of any trace begins none.
    if (trace.getSpan(parent) === undefined) return lane.run(call, listener);
    const attributes = { 'millrace.task': call.task.name };
    const arrivedMs = Date.now();
    const queue = tracer().startSpan('queue', { attributes }, parent);
    let run: Span | undefined;
    const spans: CallTrace = {
      sent() {
        run?.end();
        queue.end();
        run = tracer().startSpan('run', { attributes }, parent);
        return carrierOf(trace.setSpan(parent, run));
      },
    };

    function answered(record: CallRecord): void {
      // Inline it never waited: what was begun of `queue` is left, and never recorded.
      if (record.lane === 'inline') {
        const span = tracer().startSpan('run', { attributes, startTime: arrivedMs }, parent);
        end(span, record, arrivedMs + record.runMs);
      } else if (run === undefined) end(queue, record);
      else end(run, record);
    }

    try {
      const traced = { ...call, options: { ...call.options, spans } };
      return lane.run(traced, {
        answered(record) {
          answered(record);
          listener.answered(record);
        },
        ran: (runMs) => listener.ran(runMs),
      });
    } catch (error) {
      queue.setStatus({ code: SpanStatusCode.ERROR, message: codeOf(error) });
      queue.end();
      throw error;
    }
  },
});

function end(span: Span, { outcome, lane }: CallRecord, endTime?: number): void {
  span.setAttributes({ 'millrace.lane': lane, 'millrace.outcome': outcome });
  if (outcome !== 'completed') span.setStatus({ code: otel().SpanStatusCode.ERROR, message: outcome });
  span.end(endTime);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'error';
}
