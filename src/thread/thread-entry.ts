// Runs inside a thread: takes a message, runs its calls one after the other, answers. One message at a time.
// Imported by thread-boot.ts; starting and ending threads is threads.ts.
import { type MessagePort, threadId, workerData } from 'node:worker_threads';
import { monotonicMs } from '../clock.js';
import { jsonType } from '../media-types.js';
import { osThreadId, stepBack } from '../priority.js';
import { createCallContext, stopFlag } from '../tasks/call-context.js';
import { type CallLog, createCallLog } from '../tasks/call-log.js';
import { errorReport } from '../tasks/error-report.js';
import { validateInput } from '../tasks/input.js';
import { parseJson } from '../tasks/json.js';
import type { CallReply } from '../tasks/reply.js';
import { failed, type RunnableTask, runTask } from '../tasks/run-task.js';
import { createSetups, SetupError, type SetupValue } from '../tasks/setups.js';
import type { StreamSink } from '../tasks/stream.js';
import { leave, leaveUnloadable, tellUnloadable } from './departure.js';
import type { PinnedCodeGuard } from './pinned-guard.js';
import {
  type ThreadCall,
  type ThreadChunk,
  type ThreadData,
  type ThreadMessage,
  type ThreadOrder,
  type ThreadPost,
  type ThreadProgress,
  type ThreadSession,
  unpackCalls,
} from './protocol.js';
import { writeReplies } from './reply-buffer.js';
import { type ControlRow, createControl } from './shared-rows.js';
import { createLeftoverErrors } from './stray-errors.js';
import { createStreamOut } from './stream-out.js';
import { createThreadTasks, type ThreadTasks } from './thread-tasks.js';
import { createTurn, type Turn } from './turn.js';
import { wakeLane } from './wake-lane.js';

const data: ThreadData = workerData;
const control = createControl(data.rows, data.control);
/** Where everything is said to the lane. Not by `parentPort`: that one is the tasks' as well. */
let session: MessagePort | undefined;
/** Messages that it has had. */
let messages = 0;
stepBack(data.nice);
/** Loaded only where it is of use. */
let tracing: typeof import('../tracing.js') | undefined;
const setups = createSetups();
/** Of those calls that have logged something, or have left an error behind. */
const logs = new WeakMap<ThreadCall, CallLog>();
/** For what comes of a call that is not known. */
const strayLog = createLog(undefined);
const leftovers = createLeftoverErrors<ThreadCall>((call, thrown) =>
  (call === undefined ? strayLog : logOf(call)).error('an error that a task left behind', {
    err: errorReport(thrown),
  }),
);

/**
 * @returns what says that it is ready, and takes messages by the session's port from then on
 * @throws what cannot be imported of the tasks that are to be loaded
 */
export async function prepareThread(
  { port, load }: ThreadSession,
  guard: PinnedCodeGuard,
): Promise<() => void> {
  session = port;
  // Not at the top: V8 ends the whole process where a thread is terminated just as a module that awaits there is done (seen
  // in Node 24.21: AsyncModuleExecutionFulfilled).
  if (data.traced) tracing = await import('../tracing.js');
  const tasks = createThreadTasks(data.tasks, guard, (fault) => tellUnloadable(port, fault));
  for (const task of load) await tasks.load(task);
  return () => open(port, tasks);
}

function open(port: MessagePort, tasks: ThreadTasks): void {
  let turn: Turn | undefined;
  port.on('message', (message: ThreadMessage | ThreadOrder) => {
    if (isOrder(message)) {
      if (message.type === 'taken') {
        if (message.message === messages) turn?.out?.taken(message.bytes, message.chunks);
        return;
      }
      turn?.leave();
      post(port, { type: 'leaving' });
      leave(message);
      return;
    }
    messages++;
    const { row, calls } = unpackCalls(message);
    turn = createTurn(control.row(row));
    void runCalls(calls, turn, tasks, ended);
  });
  post(port, { type: 'ready', threadId, osThreadId: osThreadId() });

  function ended(at: Turn, last: CallReply | undefined): void {
    if (at.isLeft) post(port, { type: 'settled' });
    else answer(port, at.row, last);
    turn = undefined;
  }
}

function isOrder(message: ThreadMessage | ThreadOrder): message is ThreadOrder {
  return 'type' in message;
}

/**
 * The only async function on a small call's way: each costs it a µs or two here, where an AsyncLocalStorage follows all
 * promises (Node 20 and 22: by hooks).
 * @param ended told the reply for which the row had no room, if any
 */
async function runCalls(
  calls: readonly ThreadCall[],
  turn: Turn,
  tasks: ThreadTasks,
  ended: (turn: Turn, last: CallReply | undefined) => void,
): Promise<void> {
  const { row } = turn;
  row.threadId = threadId;
  const replies = writeReplies(row.replies);
  let last: CallReply | undefined;
  for (const [index, call] of calls.entries()) {
    if (row.isEnding) break;
    // Before it begins: it is no part of the call's run.
    const task = tasks.loaded(call.task) ?? (await loaded(tasks.load(call.task)));
    const schema = call.input.type === 'value' ? undefined : await loaded(tasks.definition(call.task));
    const made = setUp(call, task);
    const setup = made instanceof Promise ? await made : made;
    if (turn.isLeft || row.isEnding) break;
    row.beganMs = monotonicMs();
    row.begun = index + 1;
    // Waits in any case: what it has left in the queue of promises is its own, and may be what has to be ended.
    const reply = await runCall(call, turn, index, task, schema, setup);
    if (turn.isLeft) break;
    // What does not fit the row, or comes behind chunks, is posted now; the calls behind it have not begun and will come
    // again.
    if (turn.out?.hasBegun || !replies.append(reply)) {
      last = movable(reply);
      break;
    }
    row.done = index + 1;
  }
  ended(turn, last);
}

/** Where it cannot be imported this thread ends. The call has not begun: it goes to another one. */
function loaded<T>(importing: Promise<T>): Promise<T> {
  return importing.catch((thrown: unknown) => {
    if (session === undefined) throw thrown;
    return leaveUnloadable(session, thrown);
  });
}

/** @param last what the row does not have */
function answer(port: MessagePort, row: ControlRow, last: CallReply | undefined): void {
  if (last !== undefined) {
    post(port, { type: 'reply', reply: last });
    return;
  }
  row.answered = true;
  const { wakeFd } = control;
  if (wakeFd < 0 || !wakeLane(wakeFd)) post(port, { type: 'answered' });
}

function post(port: MessagePort, message: ThreadPost): void {
  port.postMessage(message);
}

type Setup = SetupValue | SetupError;

/** What the task's `setup` has made for this thread, or why it could not. */
function setUp(call: ThreadCall, task: RunnableTask): Setup | Promise<Setup> {
  const made = setups.made(task);
  if (made !== undefined) return made;
  // What it leaves behind is of no request.
  const origin = { ...call, requestId: undefined, traceId: undefined };
  const fail = (thrown: unknown): Setup => setups.fail(task, thrown);
  const make = async (): Promise<Setup> => {
    try {
      return await setups.of(task);
    } catch (thrown) {
      return fail(thrown);
    }
  };
  return leftovers.run(origin, make, fail);
}

function tellProgress(turn: Turn, progress: ThreadProgress): void {
  if (session === undefined) return;
  post(session, progress);
  if (!turn.isLeft) turn.row.hasTold = true;
}

/** @param schema of the input, where that is still to be validated */
function runCall(
  call: ThreadCall,
  turn: Turn,
  index: number,
  task: RunnableTask,
  schema: InputSchema | undefined,
  setup: Setup,
): CallReply | Promise<CallReply> {
  if (turn.flag(index) !== stopFlag.none) return { type: 'skipped' };
  if (call.deadlineMs !== undefined && call.deadlineMs <= monotonicMs()) return { type: 'skipped' };
  const startedMs = performance.now();
  if (setup instanceof SetupError) return failed(setup, startedMs, true);
  let input: unknown;
  try {
    input = inputOf(call, schema);
  } catch (thrown) {
    return failed(thrown, startedMs, true);
  }
  // That it is valid is all that was asked.
  if (call.input.type === 'check')
    return {
      type: 'done',
      contentType: jsonType,
      body: 'null',
      runMs: performance.now() - startedMs,
      sync: true,
    };
  const message = messages;
  const context = createCallContext(
    () => turn.flag(index),
    () => logOf(call),
    call,
    ({ done, note }) => tellProgress(turn, { type: 'progress', message, call: index, done, note }),
    setup.value,
  );
  function openSink(): StreamSink {
    turn.out = createStreamOut(
      ({ bytes, form }, head) =>
        session?.postMessage(
          { type: 'chunk', message, call: index, bytes, form, head } satisfies ThreadChunk,
          [bytes.buffer],
        ),
      () => turn.flag(index) !== stopFlag.none,
    );
    return turn.out;
  }
  const run = (): CallReply | Promise<CallReply> => runTask(task, input, context, openSink, startedMs);
  const { trace } = call;
  const spans = tracing;
  const reply = leftovers.run(
    call,
    spans === undefined || trace === undefined ? run : () => spans.within(trace, run),
    (thrown) => failed(thrown, startedMs, false),
  );
  if (!(reply instanceof Promise)) {
    logs.get(call)?.end();
    return reply;
  }
  const unwatch = context.watch(() => {
    turn.turned();
    turn.out?.look();
  });
  return reply.finally(() => {
    unwatch();
    turn.out?.close();
    logs.get(call)?.end();
  });
}

type InputSchema = Parameters<typeof validateInput>[0];

/** @throws AppError MALFORMED_BODY, INVALID_INPUT */
function inputOf({ input }: ThreadCall, schema: InputSchema | undefined): unknown {
  if (input.type === 'value') return input.value;
  if (schema === undefined) throw new Error('there is no schema to validate by');
  return validateInput(schema, parseJson(input.bytes));
}

/** From this length on a text is encoded here, not on the event loop: a 19 MB one held it for 40 ms. */
const encodedFrom = 32_768;

/** Bytes and long texts are handed over in shared memory: a copy here costs the event loop nothing. */
function movable(reply: CallReply): CallReply {
  if (reply.type !== 'done' || (typeof reply.body === 'string' && reply.body.length < encodedFrom))
    return reply;
  const { body } = reply;
  const shared = Buffer.from(new SharedArrayBuffer(Buffer.byteLength(body)));
  if (typeof body === 'string') shared.write(body);
  else shared.set(body);
  return { ...reply, body: new Uint8Array(shared.buffer) };
}

function logOf(call: ThreadCall): CallLog {
  const log = logs.get(call) ?? createLog(call);
  logs.set(call, log);
  return log;
}

/** @param call none where it is not known */
function createLog(call: ThreadCall | undefined): CallLog {
  const { task, requestId, traceId } = call ?? {};
  return createCallLog((level, message, fields) => {
    if (session !== undefined)
      post(session, { type: 'log', level, message, fields, task, requestId, traceId });
  });
}
