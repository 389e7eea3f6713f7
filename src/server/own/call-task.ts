// A task called from an app's own code: from a definition and a value to the lane, and from its reply to a value.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import type { CallOptions, CallTask } from '../../app.js';
import { monotonicMs } from '../../clock.js';
import { fileOf } from '../../definition-file.js';
import { AppError, CallError } from '../../errors.js';
import type { Call, CallResult, CallStream, Lane, CallOptions as LaneOptions } from '../../lane/call.js';
import { CallCancelled } from '../../lane/call.js';
import { jsonType } from '../../media-types.js';
import { chunkValue } from '../../tasks/chunks.js';
import { validateInput } from '../../tasks/input.js';
import type { Task } from '../../tasks/registry.js';
import { isBodiless } from '../../tasks/reply-head.js';
import type { Exchange } from '../exchange.js';
import { deadlineOf } from '../request/deadline.js';
import { traceIdOf } from '../request/traceparent.js';

/** Who calls where nobody says so. */
export const unnamedClient = 'app';

export interface CallTaskDeps {
  readonly lane: Lane;
  readonly tasks: readonly Task[];
  /** Who sent a request, and what is known of it. Rejects where its client may not call. */
  readonly senderOf: (req: IncomingMessage) => Sender | Promise<Sender>;
}

export interface Sender {
  readonly client: string;
  readonly exchange: Exchange;
}

/** Finds the task that a program names, by its definition or its name. @throws TypeError where it is not served */
export function createTaskFinder(tasks: readonly Task[]): (named: unknown) => Task {
  const byName = new Map(tasks.map((task) => [task.name, task]));
  const byDefinition = new Map<unknown, Task>(tasks.map((task) => [task.definition, task]));
  const byModule = new Map(tasks.map((task) => [task.module, task]));

  /** A test runner loads a task's file in its own way: the definition is another, the file is the same. */
  function taskOfFile(definition: object): Task | undefined {
    const file = fileOf(definition);
    if (file === undefined) return undefined;
    return byModule.get(file.startsWith('file:') ? file : pathToFileURL(file).href);
  }

  return (named) => {
    const task =
      typeof named === 'string'
        ? byName.get(named)
        : (byDefinition.get(named) ??
          (typeof named === 'object' && named !== null ? taskOfFile(named) : undefined));
    if (task !== undefined) return task;
    const what = typeof named === 'string' ? unknownName(named, [...byName.keys()]) : unknownDefinition;
    throw new TypeError(`call: ${what}`);
  };
}

export function createCallTask({ lane, tasks, senderOf }: CallTaskDeps): CallTask {
  const taskOf = createTaskFinder(tasks);

  async function call(named: unknown, given: unknown, options: CallOptions = {}): Promise<unknown> {
    const task = taskOf(named);
    const { req, signal, transfer = false } = options;
    signal?.throwIfAborted();
    const value = validateInput(task.definition, given);
    const sender = req === undefined ? undefined : await senderOf(req);
    // Whom it was for may have left while it was looked who that is.
    if (req?.socket.destroyed || req?.socket.readableEnded) throw clientLeft();
    const heard = options.onProgress && listener(options.onProgress);
    const running = lane.call(
      task,
      { type: 'value', value, keep: !transfer },
      { ...laneOptions(options, sender), ...(heard && { onProgress: heard.hear }) },
    );
    const ended = [signal, heard?.failed].filter((one) => one !== undefined);
    const ending = ended.length > 1 ? AbortSignal.any(ended) : ended[0];
    const result = running.ready ?? (await resultFor(running, req?.socket, ending));
    return result.stream === undefined
      ? resultValue(task, result)
      : chunkValues(result.stream, result.contentType, (thrown) => told(endOf(thrown, ending)));
  }

  // The overloads of CallTask say more than one implementation can.
  return ((named: unknown, given: unknown, options?: CallOptions) =>
    call(named, given, options).catch((thrown: unknown) => {
      throw told(thrown);
    })) as CallTask;
}

const told = (thrown: unknown): unknown => (thrown instanceof AppError ? CallError.of(thrown) : thrown);

function unknownName(named: string, names: readonly string[]): string {
  const there = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
  return `no task is named ${JSON.stringify(named)}; ${there}`;
}

const unknownDefinition =
  'this definition is of no file that is served; put its file into the folder of TASKS_DIR';

function laneOptions({ req, timeoutMs, ...given }: CallOptions, sender: Sender | undefined): LaneOptions {
  const deadlines = [
    timeoutMs === undefined ? undefined : monotonicMs() + timeoutMs,
    req && sender && deadlineOf({ headers: req.headers, exchange: sender.exchange }),
  ].filter((deadlineMs) => deadlineMs !== undefined);
  const requestId = given.requestId ?? sender?.exchange.requestId;
  const traceId = req === undefined ? undefined : traceIdOf(req.headers.traceparent);
  return {
    client: given.client ?? sender?.client ?? unnamedClient,
    ...(deadlines.length > 0 && { deadlineMs: Math.min(...deadlines) }),
    ...(requestId !== undefined && { requestId }),
    ...(traceId !== undefined && { traceId }),
  };
}

type Listen = NonNullable<CallOptions['onProgress']>;

/** What hears of progress, and is told no more once it has thrown: then nobody can know what the call is still for. */
function listener(onProgress: Listen): { readonly hear: Listen; readonly failed: AbortSignal } {
  const failing = new AbortController();
  return {
    hear(progress) {
      if (failing.signal.aborted) return;
      try {
        onProgress(progress);
      } catch (error) {
        failing.abort(error);
      }
    },
    failed: failing.signal,
  };
}

/** The call's result; until its end it is cancelled by the end of the connection it is for, and by the signal. */
async function resultFor(
  call: Call,
  socket: Socket | undefined,
  signal: AbortSignal | undefined,
): Promise<CallResult> {
  const cancel = (): void => call.cancel();
  // A handler may make many calls for one request.
  socket?.setMaxListeners(0).once('end', cancel).once('close', cancel);
  signal?.addEventListener('abort', cancel, { once: true });
  // Inline a call may have been told off before there was anything to cancel.
  if (signal?.aborted) cancel();
  function release(): void {
    socket?.off('end', cancel).off('close', cancel);
    signal?.removeEventListener('abort', cancel);
  }
  try {
    const result = await call.result;
    if (result.stream === undefined) release();
    else void result.stream.ended.then(release);
    return result;
  } catch (error) {
    release();
    throw endOf(error, signal);
  }
}

/** Why a call rejects, as its caller knows it. */
function endOf(error: unknown, signal: AbortSignal | undefined): unknown {
  if (!(error instanceof CallCancelled)) return error;
  return signal?.aborted ? signal.reason : clientLeft();
}

/** No generator: one whose first chunk nobody asks for would not hear that its reader leaves. */
function chunkValues(
  stream: CallStream,
  contentType: string,
  fault: (thrown: unknown) => unknown,
): AsyncIterable<unknown> {
  const chunks = stream[Symbol.asyncIterator]();
  const iterator: AsyncIterator<unknown> = {
    async next() {
      try {
        for (;;) {
          const { done, value } = await chunks.next();
          if (done === true) return { done, value: undefined };
          // Nothing but the head came before.
          if (value.bytes.length > 0 || value.form !== 'bytes')
            return { done: false, value: chunkValue(value, contentType) };
        }
      } catch (thrown) {
        throw fault(thrown);
      }
    },
    async return() {
      await chunks.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** What `run` returned, of a result as it would be sent. */
export function resultValue({ definition }: Task, { contentType, body, head }: CallResult): unknown {
  if (head !== undefined && isBodiless(head.status)) return undefined;
  const isJson = contentType === jsonType && !declaresBytes(definition);
  const form = head?.form ?? (isJson ? 'json' : 'bytes');
  if (form === 'bytes') return body;
  return form === 'json' ? JSON.parse(textOf(body)) : textOf(body);
}

/** As the one answer of a call: `application/json; charset=utf-8`, made by the task itself. */
function declaresBytes({ output = [] }: Task['definition']): boolean {
  return [output].flat().some((one) => 'contentType' in one && one.contentType === jsonType);
}

/** A long text comes encoded, in shared memory. */
function textOf(body: string | Uint8Array): string {
  if (typeof body === 'string') return body;
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
}

const clientLeft = (): DOMException => new DOMException('The client has left.', 'AbortError');
