// What an app is: the contract between a team's own app file (APP) and the server. How one is loaded and mounted is
// server/own/own-app.ts.
import type { IncomingMessage, Server } from 'node:http';
import type { Express, Request } from 'express';
import type { z } from 'zod';
import type { Logger } from './log.js';
import type { BytesOutput, OutputSpec, Progress, TaskDefinition } from './task.js';
import type { TaskReply } from './task-reply.js';

/** Who calls and for how long, for one call of a task from a program. */
export interface CallOptions {
  /**
   * The request that the call is made for: its client, deadline, id and trace are taken over, and the call is cancelled
   * when its connection ends.
   */
  readonly req?: IncomingMessage;
  /** Who calls, for fair turns and quotas; with `req` in place of its client. Default: `app`. */
  readonly client?: string;
  /** How long the caller waits, in ms, from now; with `req` the earlier of the two counts. */
  readonly timeoutMs?: number;
  /** Cancels the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Hears how far the call says that it is (`progress` in its task). What it throws cancels the call. */
  readonly onProgress?: (progress: Progress) => void;
  /** For the log lines of the call; with `req` in place of its id. */
  readonly requestId?: string;
  /** Byte arrays in the input are given away: moved to the thread, not copied, and empty afterwards. Default: false. */
  readonly transfer?: boolean;
}

type OutputValue<O> = O extends z.ZodType ? z.output<O> : O extends BytesOutput ? Uint8Array : never;

/** What a call of a task resolves with, by its `output` declaration; unknown where there is none. */
export type CallValue<O> = unknown extends O
  ? unknown
  : O extends readonly OutputSpec[]
    ? OutputValue<O[number]>
    : OutputValue<O>;

/** The chunks of a task that streams, as it yields them; what is sent as JSON as its JSON says it. */
export type CallChunks<Chunk> = AsyncIterable<
  Chunk extends TaskReply<infer Body> ? Exclude<Body, undefined | null> : Chunk
>;

/** `unknown` is what a definition says that does not say: one that streams has chunks of a type. */
type Answer<O, Chunk> = [Chunk] extends [never]
  ? CallValue<O>
  : unknown extends Chunk
    ? CallValue<O>
    : CallChunks<Chunk>;

export interface CallTask {
  /**
   * Calls a task on the CPU lane and resolves with what its `run` returned, as its output schema has it: a value, or
   * bytes as a Uint8Array; of one that streams, with its chunks, once the first is there. They are to be read: the task
   * waits for that, and holds its thread. Leaving the loop cancels the call; where it fails, so does the loop. The input
   * is validated first.
   * @param task a definition whose file is served, or a task's name
   * @throws CallError, which an app need not catch: it becomes the answer that the task's own route would give; the
   * signal's reason, or an AbortError where the client of `req` has left; TypeError for a task that is not served
   */
  <Input extends z.ZodType, Output extends OutputSpec | readonly OutputSpec[], Chunk>(
    task: TaskDefinition<Input, Output, unknown, Chunk>,
    input: z.input<Input>,
    options?: CallOptions,
  ): Promise<Answer<Output, Chunk>>;
  (task: string, input: unknown, options?: CallOptions): Promise<unknown>;
}

/** For one job from a program. */
export interface JobOptions {
  /** The same key, of the same client for the same task, is the same job while that is kept. */
  readonly key?: string;
  /** The request that the job is made for: its client, id and trace are taken over. That its client leaves is no matter. */
  readonly req?: IncomingMessage;
  /** Whose job it is, for turns, quotas and `GET /jobs`; with `req` in place of its client. Default: `app`. */
  readonly client?: string;
  /** Longest run, in ms: less than TASK_TIMEOUT_MS and the task's own limit. */
  readonly timeoutMs?: number;
  readonly requestId?: string;
}

/** A job that was accepted. */
export interface LaterCall<Value = unknown> {
  /** For `GET /jobs/ID`. */
  readonly id: string;
  /**
   * Resolves when the job has completed, as a call does.
   * @throws CallError as a call does, and GONE where it was cancelled or its result is kept no longer
   */
  result(): Promise<Value>;
}

/** `call`, and calls that outlive the request, or this process. */
export interface AppCall extends CallTask {
  /**
   * Makes a job of the call, and resolves once that is accepted. The input is validated first; it may be anything that
   * structuredClone takes.
   * @throws CallError INVALID_INPUT, QUOTA_EXCEEDED, OVERLOADED, IDEMPOTENCY_MISMATCH; TypeError where JOBS is off
   */
  later<Input extends z.ZodType, Output extends OutputSpec | readonly OutputSpec[]>(
    task: TaskDefinition<Input, Output>,
    input: z.input<Input>,
    options?: JobOptions,
  ): Promise<LaterCall<CallValue<Output>>>;
  later(task: string, input: unknown, options?: JobOptions): Promise<LaterCall>;
}

export interface AppContext {
  /** The Express 5 application of this server process. */
  readonly app: Express;
  /** For `upgrade` (WebSocket). What was upgraded is the app's, to be closed in `onClose`. The server listens later. */
  readonly server: Server;
  readonly call: AppCall;
  /** pino's logger of this server process. */
  readonly log: Logger;
  /**
   * Called once when this process ends (a stop, a reload), after the last answer, within SHUTDOWN_TIMEOUT_MS; the last
   * one that was added comes first.
   */
  onClose(close: () => unknown): void;
  /**
   * Who may call the tasks' routes: the client's name, or undefined for 401. In place of API_KEYS_FILE. The app's own
   * routes are the app's to guard; a call with `req` knows its client by this, too.
   */
  authenticate(identify: (req: Request) => MaybePromise<string | undefined>): void;
}

type MaybePromise<T> = T | Promise<T>;

/** Runs once in each server process, before it listens: adds middleware, routes and error handlers to `app`. */
export type AppSetup = (context: AppContext) => unknown;

/** Known by this, whichever copy of the package made it. */
const setupKey = Symbol.for('millrace.app');

export interface AppDefinition {
  readonly [setupKey]: AppSetup;
}

/** Declares an app; the default export of an app file. */
export function defineApp(setup: AppSetup): AppDefinition {
  if (typeof setup !== 'function') throw new TypeError('defineApp takes a function');
  return Object.freeze({ [setupKey]: setup });
}

/** The setup of what an app file exports; undefined where that is no app. */
export function setupOf(exported: unknown): AppSetup | undefined {
  if (typeof exported !== 'object' || exported === null) return undefined;
  const setup: unknown = Reflect.get(exported, setupKey);
  return isSetup(setup) ? setup : undefined;
}

function isSetup(value: unknown): value is AppSetup {
  return typeof value === 'function';
}
