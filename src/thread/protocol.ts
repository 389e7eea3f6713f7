// What the lane and its threads say to each other, beside the shared memory of shared-rows.ts.
import type { MessagePort } from 'node:worker_threads';
import type { LogLevel } from '../tasks/call-log.js';
import type { ChunkForm } from '../tasks/chunks.js';
import type { ErrorReport } from '../tasks/error-report.js';
import type { LogFields } from '../tasks/log-line.js';
import type { PinnedCode } from '../tasks/pinned-code.js';
import type { CallReply } from '../tasks/reply.js';
import type { ResultRules } from '../tasks/result.js';
import type { StreamHead } from '../tasks/stream.js';
import type { TraceCarrier } from '../tracing.js';

/** Given to every thread when it starts. */
export interface ThreadData {
  readonly control: SharedArrayBuffer;
  readonly rows: number;
  /** By the index that messages use. */
  readonly tasks: readonly ThreadTask[];
  readonly nice: number;
  /** Whether spans are recorded. */
  readonly traced?: boolean;
  /** None: what lies on disk. */
  readonly pinned?: PinnedCode;
}

export interface ThreadTask {
  /** Its file's URL. */
  readonly module: string;
  /** That of the file with its work alone, if it has one. */
  readonly runFrom: string | undefined;
  /** Of a task that has one: what may be returned, without schemas. */
  readonly output: ResultRules['output'];
}

export interface ThreadCall {
  readonly task: number;
  readonly input:
    | { readonly type: 'value'; readonly value: unknown }
    | { readonly type: 'json' | 'check'; readonly bytes: Uint8Array };
  /** On the clock of monotonicMs(). */
  readonly deadlineMs: number | undefined;
  readonly client: string;
  readonly requestId: string | undefined;
  readonly traceId: string | undefined;
  /** Which trace what it does belongs to. */
  readonly trace?: TraceCarrier | undefined;
}

/** What the pool is told to run, once a thread: its messages come through this port. */
export interface ThreadSession {
  readonly port: MessagePort;
  /** Tasks to be loaded before it is ready. */
  readonly load: readonly number[];
}

/**
 * A message, flat: the row, then eight fields a call (packCalls). A flat array is cloned three times as fast as the
 * same calls as objects.
 */
export type ThreadMessage = readonly unknown[];

export function packCalls(row: number, calls: readonly ThreadCall[]): ThreadMessage {
  const message: unknown[] = [row];
  for (const { task, input, deadlineMs, client, requestId, traceId, trace } of calls) {
    const payload = input.type === 'value' ? input.value : input.bytes;
    message.push(task, input.type, payload, deadlineMs, client, requestId, traceId, trace);
  }
  return message;
}

/** What packCalls packed; no other code writes messages, so the casts restore what was there. */
export function unpackCalls(message: ThreadMessage): {
  readonly row: number;
  readonly calls: readonly ThreadCall[];
} {
  const calls: ThreadCall[] = [];
  for (let at = 1; at < message.length; at += 8) {
    const [task, type, payload, deadlineMs, client, requestId, traceId, trace] = message.slice(at, at + 8);
    calls.push({
      task: task as number,
      input:
        type === 'value'
          ? { type, value: payload }
          : { type: type as 'json' | 'check', bytes: payload as Uint8Array },
      deadlineMs: deadlineMs as number | undefined,
      client: client as string,
      requestId: requestId as string | undefined,
      traceId: traceId as string | undefined,
      trace: trace as TraceCarrier | undefined,
    });
  }
  return { row: message[0] as number, calls };
}

/** The last that a thread is told: it gets no more messages, and is to end by itself (departure.ts). */
export interface LeaveOrder {
  readonly type: 'leave';
  /** An Int32 that it counts up from then on, as long as its event loop turns. */
  readonly beats: SharedArrayBuffer;
}

/** Chunks of the stream that a message's call is at were taken: it may go on, where it has waited for that. */
export interface TakenOrder {
  readonly type: 'taken';
  /** By its number among those that the thread has had. */
  readonly message: number;
  readonly bytes: number;
  readonly chunks: number;
}

/** What a thread is told beside its messages. */
export type ThreadOrder = LeaveOrder | TakenOrder;

/**
 * What a thread posts by its session's port, which no task has: log lines; that it is ready for its first message; that
 * the answer to one is there (the row's `answered`); or the reply that did not fit the row, behind which no call has
 * begun; the chunks of a call, and its reply behind them. Or that it cannot be loaded, and because of which task's file,
 * where it is one, or because files have changed meanwhile: then another one can be. Of a thread that was told to leave:
 * that it does, and writes no row any more; and that the call has ended which it was at then, if it was.
 */
export type ThreadPost =
  | { readonly type: 'ready'; readonly threadId: number; readonly osThreadId: number | undefined }
  | ThreadUnloadable
  | { readonly type: 'answered' }
  | { readonly type: 'reply'; readonly reply: CallReply }
  | { readonly type: 'leaving' }
  | { readonly type: 'settled' }
  | ThreadProgress
  | ThreadChunk
  | ThreadLogLine;

/** The thread cannot take calls, and ends. */
export interface ThreadUnloadable {
  readonly type: 'unloadable';
  readonly reason: string;
  readonly file: string | undefined;
  /** What the file has thrown. */
  readonly cause: ErrorReport | undefined;
  readonly isOutdated: boolean;
}

/** What a call of a message streams. */
export interface ThreadChunk {
  readonly type: 'chunk';
  readonly message: number;
  readonly call: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly form: ChunkForm;
  /** With the first one. */
  readonly head: StreamHead | undefined;
}

/** How far a call of a message is; the message by its number among those that the thread has had. */
export interface ThreadProgress {
  readonly type: 'progress';
  readonly message: number;
  readonly call: number;
  readonly done: number;
  readonly note: string | undefined;
}

/** A log line of a task, posted while it runs (or later, where it left something behind). */
export interface ThreadLogLine {
  readonly type: 'log';
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields | undefined;
  /** Undefined: not known. */
  readonly task: number | undefined;
  readonly requestId: string | undefined;
  readonly traceId: string | undefined;
}
