// From a call to its answer, and from a client that leaves to its call's end.
import type { Socket } from 'node:net';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { monotonicMs } from '../../clock.js';
import type { Call, CallInput, CallResult, Lane } from '../../lane/call.js';
import { jsonType } from '../../media-types.js';
import { streamType } from '../../tasks/chunks.js';
import type { Task } from '../../tasks/registry.js';
import { isBodiless, replySays } from '../../tasks/reply-head.js';
import { isStreaming } from '../../tasks/stream.js';
import type { Quota } from '../guard/quota.js';
import { ClientLeft } from '../request/body.js';
import { clientOf } from '../request/client.js';
import { deadlineOf } from '../request/deadline.js';
import { traceIdOf } from '../request/traceparent.js';
import { answer } from './answer.js';
import { answerNotModified } from './entity-tag.js';
import { cacheControlOf, tagShared } from './shared-answer.js';
import { answerStream } from './stream-answer.js';

/** A result without what it is the head of. */
type ResultHead = Omit<CallResult, 'body' | 'stream'>;

export interface CallDeps {
  readonly lane: Lane;
  readonly quota?: Quota | undefined;
}

/**
 * Makes the call and sends what it answers; a promise only where that is not done at once. Throws the call's error, or
 * rejects with it.
 */
export function answerCall(
  { lane, quota }: CallDeps,
  task: Task,
  input: CallInput,
  req: Request,
  res: Response,
): void | Promise<void> {
  const { socket } = req;
  // Who has ended its side waits for no call: like nearly all that do, it may have left.
  if (socket.destroyed || socket.readableEnded) throw new ClientLeft('The connection ended before the call.');
  const deadlineMs = deadlineOf(req);
  const traceId = traceIdOf(req.headers.traceparent);
  const client = clientOf(req);
  const { requestId } = req.exchange;
  const call = lane.call(task, input, { client, requestId, deadlineMs, traceId });
  function send(result: CallResult): void | Promise<void> {
    if (quota !== undefined) {
      for (const [name, value] of Object.entries(quota.headers(client, monotonicMs())))
        res.setHeader(name, value);
    }
    const { stream, contentType } = result;
    if (tagShared(task.definition, result, req, res)) answerNotModified(res);
    else if (stream === undefined) sendResult(res, result);
    else return answerStream(res, stream, contentType, () => setHead(res, result));
  }
  return call.ready === undefined ? sendLater(socket, call, send) : send(call.ready);
}

/** The call's result, unless the client leaves before it is there, and sent as a whole: then the call ends with it. */
export async function sendLater(
  socket: Socket,
  call: Call,
  send: (result: CallResult) => void | Promise<void>,
): Promise<void> {
  const cancel = () => call.cancel();
  // The socket, not the response: one that waits behind others of its connection (pipelining) never hears of the end.
  // So there may be many listeners, and they are no leak.
  socket.setMaxListeners(0);
  socket.once('end', cancel).once('close', cancel);
  try {
    await send(await call.result);
  } finally {
    socket.off('end', cancel).off('close', cancel);
  }
}

function sendResult(res: Response, result: CallResult): void {
  const { contentType, body, head } = result;
  if (head === undefined) {
    answer(res, 200, contentType, body, ['Server-Timing', timingOf(result), ...notStored(res)]);
    return;
  }
  setHead(res, result);
  if (!isBodiless(head.status)) res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
}

/** All but the length of the body. */
export function setHead(res: Response, result: ResultHead): void {
  const { contentType, head } = result;
  const { status = 200, headers = [] } = head ?? {};
  const isSaid = replySays({ headers }, 'cache-control');
  const more = ['Server-Timing', timingOf(result), ...(isSaid ? [] : notStored(res))];
  for (let i = 0; i < more.length; i += 2) res.setHeader(String(more[i]), String(more[i + 1]));
  for (let i = 0; i < headers.length; i += 2) res.appendHeader(String(headers[i]), String(headers[i + 1]));
  res.statusCode = status;
  if (!isBodiless(status)) res.setHeader('Content-Type', contentType);
}

/** Unless something else was said. */
const notStored = (res: Response): readonly string[] =>
  res.hasHeader('Cache-Control') ? [] : ['Cache-Control', 'no-store'];

function timingOf({ lane, queueMs, runMs }: ResultHead): string {
  return `lane;desc="${lane}", queue;dur=${ms(queueMs)}, run;dur=${ms(runMs)}`;
}

/** Milliseconds to the µs. */
function ms(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

/** What is known of an answer without making the call. */
export function answerHead(task: Task, res: Response): void {
  const outputs = [task.definition.output ?? z.unknown()].flat();
  const [output] = outputs;
  // Where a task answers now this, now that, only the call can tell which.
  const streamed = isStreaming(task.definition) ? streamType(task.definition) : undefined;
  if (streamed !== undefined) res.setHeader('Content-Type', streamed);
  else if (output !== undefined && outputs.length === 1) {
    res.setHeader('Content-Type', 'contentType' in output ? output.contentType : jsonType);
  }
  res.setHeader('Cache-Control', cacheControlOf(task.definition) ?? 'no-store');
  res.end();
}
