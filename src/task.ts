// What a task is: the contract between a file in workers/ (or TASKS_DIR) and the server.
// Reading task files from disk is tasks/registry.ts.
import type { z } from 'zod';
import { noteFile } from './definition-file.js';
import type { TaskReply } from './task-reply.js';

/** A result of bytes: what `run` returns as a Uint8Array is sent with this content type. */
export interface BytesOutput {
  readonly contentType: string;
}

export type OutputSpec = z.ZodType | BytesOutput;

type JsonResult<O> = O extends z.ZodType ? z.input<O> : O extends BytesOutput ? Uint8Array : never;

/** What `run` may return for an `output` declaration: the schema's value, bytes, or either where both are declared. */
export type TaskResult<O> = O extends readonly OutputSpec[] ? JsonResult<O[number]> : JsonResult<O>;

/** The same, or a reply with such a body; or, where it names its content type, with any text or bytes. */
export type RunResult<O> = TaskResult<O> | TaskReply<TaskResult<O> | string | Uint8Array | null | undefined>;

/**
 * A stream: each chunk is sent as it comes, as the content type says: of `application/x-ndjson` a line of JSON, of
 * `text/event-stream` an event, else a string or bytes. The first one may be a `reply` around it.
 */
export type RunStream<Chunk> = AsyncIterable<Chunk> | TaskReply<AsyncIterable<Chunk>>;

/**
 * Log lines of a call. They reach the server's log with the request's id: of each level 100 at once, then 10 a second.
 * Beyond that they are dropped, and counted in a line. A message is cut at 8 KiB, fields above 32 KiB are left out.
 */
export interface TaskLog {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** How far a call is. */
export interface Progress {
  /** From 0 to 1. */
  readonly done: number;
  /** At most 200 characters. */
  readonly note?: string;
}

export interface TaskContext<Setup = unknown> {
  /**
   * Aborted when the caller has left or the deadline has passed. `aborted` and `throwIfAborted()` read shared
   * memory, so a synchronous loop may ask them too: often enough to stop within about 20 ms.
   */
  readonly signal: AbortSignal;
  readonly log: TaskLog;
  /** Who calls: the name of its API key, its address, or what a program said. */
  readonly client: string;
  /** The request that the call is made for; undefined where a program made it for none. */
  readonly requestId: string | undefined;
  /** What `setup` returned here. */
  readonly setup: Setup;
  /**
   * Says how far the call is, from 0 to 1: heard by the `onProgress` of who called it from a program. About ten a
   * second are told on; a note is cut at 200 characters.
   */
  progress(done: number, note?: string): void;
}

export interface TaskLimits {
  /** Longest run of one call, in ms: less than TASK_TIMEOUT_MS. Beyond it the call is DEADLINE_EXCEEDED. */
  readonly runMs?: number;
  /** A call whose estimated wait is longer is refused at arrival, in ms: less than QUEUE_MAX_WAIT_MS. */
  readonly waitMs?: number;
  /**
   * Calls that may be on threads at once, in each server process; the others wait, and nobody behind them. So that long
   * ones, or streams, leave threads to other tasks.
   */
  readonly concurrent?: number;
  /** Largest body, JSON or not: less than BODY_LIMIT_BYTES or UPLOAD_LIMIT_BYTES. */
  readonly bodyBytes?: number;
}

/** For how long and how many results of a task are kept, in each server process. */
export interface KeptResults {
  /** In ms. */
  readonly ttlMs: number;
  /** Of all its results together, with about 300 bytes for each: the oldest go first. */
  readonly maxBytes: number;
  /** In place of `private, max-age=` with the seconds of `ttlMs`. */
  readonly cacheControl?: string;
}

export interface DescribedReply {
  /** One line: when it is given. */
  readonly description?: string;
  /** As a task's `output`. None: no body, or any. */
  readonly output?: OutputSpec | readonly OutputSpec[];
  /** Names of the header fields that it carries. */
  readonly headers?: readonly string[];
}

export interface TaskDefinition<
  Input extends z.ZodType = z.ZodType,
  Output extends OutputSpec | readonly OutputSpec[] = OutputSpec | readonly OutputSpec[],
  Setup = unknown,
  Chunk = unknown,
> {
  /** One line for the API's description. */
  readonly summary?: string;
  readonly description?: string;
  /**
   * Validates every call, types `run`, describes the API. A zod 4 schema; strict objects refuse unknown fields.
   * This and all other schemas of a task must be synchronous; one that throws, or waits, makes the call TASK_FAILED.
   */
  readonly input: Input;
  /** `false`: none. Only a program can call the task then: an app or a job by `call` and `call.later`. */
  readonly route?: false;
  /**
   * The JSON answer's schema, `{ contentType }` for bytes, or a list of these where both occur. Default: any JSON.
   * Of a stream: its content type, and the schema of a chunk that is sent as JSON. Default: by the first chunk.
   */
  readonly output?: Output;
  /**
   * Further answers that `run` may give by `reply`, by status (201, 204), for the API's description alone. A task that
   * has these and no `output` is said never to answer 200. Content types that are known only afterwards: list them in
   * `output`.
   */
  readonly replies?: Readonly<Record<number, DescribedReply>>;
  /** Inputs that work, for the API's description; every one of them is called by a test. */
  readonly examples?: readonly z.input<Input>[];
  /**
   * The GET form: `true` for the whole input, or a narrower schema of what may be asked by GET. A field's type in
   * the schema decides how its text is read; fields that are arrays or objects have no GET form.
   */
  readonly query?: boolean | z.ZodType;
  /** The field that stands in the GET form's path: `'operation'` → `GET /compute/:operation`. */
  readonly pathParam?: Extract<keyof z.input<Input>, string>;
  /**
   * The input for a body of `application/octet-stream`, or of what `accepts` names: the bytes (unshared, yours), the
   * query's parameters, and the Content-Type as the client sent it.
   */
  readonly fromBytes?: (
    bytes: Uint8Array,
    query: Readonly<Record<string, string>>,
    contentType?: string,
  ) => unknown;
  /**
   * Further content types of bodies that go to `fromBytes`: `image/png`, `image/*`. JSON stays JSON. Any other is 415.
   */
  readonly accepts?: readonly string[];
  /** Of this task alone, within the server's. */
  readonly limits?: TaskLimits;
  /**
   * What may be in the query beside raw bytes: described, and checked before `fromBytes` gets the texts. Default: anything.
   */
  readonly bytesQuery?: z.ZodType;
  /** Which calls cost alike per unit of `cost`: sha256 is not bcrypt. Few different values. Default: one kind. */
  readonly kind?: (input: z.output<Input>) => string;
  /** Rough cost in µs on one core. Only proportions within a kind matter: the lane learns the rest. Default: 1000. */
  readonly cost?: (input: z.output<Input>) => number;
  /**
   * Whether calls may run on the event loop, where handing them to a thread would cost more than they do: you vouch
   * that `run` is synchronous, has no side effects and is bounded by `cost`. Nothing can stop such a run: a regular
   * expression that backtracks would hold up every client. For all calls, or for those with such inputs. Default: none.
   * They do so once they have been seen on threads and only while they are measured to be short (INLINE_MAX_US).
   */
  readonly inline?: boolean | ((input: z.output<Input>) => boolean);
  /**
   * Identical calls have one run: while it waits or runs, the others of this server process wait for its result; one
   * that leaves does not end it. You vouch that the result depends on the input alone: `context.client` and `requestId`
   * are those of the first. With `{ ttlMs, maxBytes }` results are kept for calls that come later. Answers carry an ETag,
   * and `Cache-Control: private, no-cache`. Not for tasks that stream or may run inline. Jobs share with jobs, on all
   * machines that keep theirs in one place.
   */
  readonly share?: boolean | KeptResults;
  /**
   * Once in each thread, before its first call of this task: loads what calls need (a model, a native module), so that
   * the event loops, which import the file as well, do not. Its value, awaited, is `context.setup`. It counts neither
   * as a call's run nor against TASK_TIMEOUT_MS. Where it throws, the call is TASK_FAILED and the next one tries again.
   */
  readonly setup?: () => Setup | Promise<Setup>;
  /**
   * The file whose default export is `run`, and whose export `setup`, if there is one, is `setup`:
   * `new URL('./work/resize.js', import.meta.url)`. Threads load that file alone, so neither zod nor what else the task's
   * own file imports: some 6 MiB and 40 ms less a thread. Results that are JSON are not checked against `output` then,
   * but by the compiler; what the schema would change (a default, a transformation) stays as it is.
   */
  readonly runFrom?: URL;
  /**
   * The work: a plain function that knows nothing of HTTP. A call whose thread died before it began is sent to another,
   * unless its bytes (16 KiB and more) were moved to the thread and died with it: that one is THREAD_LOST.
   * A throw is TASK_FAILED; an `InputError` is INVALID_INPUT. An async generator streams its chunks: a throw behind the
   * first one cuts the connection; where the client leaves, or the deadline passes, `signal` is aborted and the generator's
   * `finally` runs. It holds its thread until its end, also while its client reads slowly.
   */
  run(
    input: z.output<Input>,
    context: TaskContext<Setup>,
  ): RunResult<Output> | Promise<RunResult<Output>> | RunStream<Chunk> | Promise<RunStream<Chunk>>;
}

/** Declares a task; the default export of a task file. Returns its argument: it is there for the types. */
export function defineTask<
  const Input extends z.ZodType,
  const Output extends OutputSpec | readonly OutputSpec[],
  Setup = undefined,
  Chunk = never,
>(definition: TaskDefinition<Input, Output, Setup, Chunk>): TaskDefinition<Input, Output, Setup, Chunk> {
  noteFile(definition, defineTask);
  return definition;
}

/**
 * Thrown by a `run` (or `fromBytes`) for an input that only the computation itself could find wrong: the caller
 * gets 400 INVALID_INPUT with this message and path. Recognised by name, so a task may have its own copy.
 */
export class InputError extends Error {
  override readonly name = 'InputError';
  /** The field, as in `a.0.1`; empty for the whole input. */
  readonly path: string;

  constructor(message: string, path = '') {
    super(message);
    this.path = path;
  }
}
