// Closes a server politely: takes no new connections, lets everybody have their answers, ends who has fallen silent,
// and cuts what is left at the deadline. Reads from top to bottom; knows nothing of Express or of the primary.
import { Server as NetServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../clock.js';
import { shuttingDown } from '../errors.js';
import { emptyBacklog } from '../http/backlog.js';
import type { Answer, Connection } from '../http/connections.js';
import type { HttpServer } from '../http/http-server.js';
import { answerRefusal } from '../http/refusal.js';
import type { Lane, LaneEnd } from '../lane/call.js';
import type { CloseMode } from '../messages.js';
import type { ServerJobs } from './jobs.js';

export interface DrainTimings {
  /**
   * A connection without an answer due is ended once nothing came for so long. Ending it at once would hit the
   * request that is on its way: in a reload nobody may notice, in a stop nobody wants to wait.
   */
  readonly silenceMs: Readonly<Record<CloseMode, number>>;
  /** One that has sent nothing yet is not ended before it is so old: its first request is likely to be on its way. */
  readonly freshMs: number;
  /** How long the answers of the calls that were cut may take to leave. */
  readonly flushMs: number;
  readonly tickMs: number;
}

export interface DrainDeps {
  readonly http: HttpServer;
  readonly lane: Pick<Lane, 'close'>;
  /** Node answers half-sent requests when their headers are due; this is for those that look like one and are none. */
  readonly headersTimeoutMs: number;
  /** When everybody has their answers, before the lane ends. Waited for until the deadline. */
  readonly onAnswered?: () => Promise<void>;
  /** Those that run have some time; then they are put back for others. */
  readonly jobs?: Pick<ServerJobs, 'leave' | 'running' | 'giveBack'> | undefined;
  /** What that is at most, in ms. */
  readonly jobsMs?: number;
  readonly timings?: DrainTimings;
}

export interface Drain {
  /** Set from the moment the drain begins. */
  mode(): CloseMode | undefined;
  /** See RunningServer.close. */
  close(mode: CloseMode, timeoutMs: number): Promise<LaneEnd>;
}

const usualTimings: DrainTimings = {
  silenceMs: { stop: 100, reload: 2_000 },
  freshMs: 500,
  flushMs: 500,
  tickMs: 25,
};

export function createDrain(deps: DrainDeps): Drain {
  const { http, lane, headersTimeoutMs, onAnswered, jobs, timings = usualTimings } = deps;
  const { jobsMs = Number.POSITIVE_INFINITY } = deps;
  const { server, connections } = http;
  const quiet = new WeakMap<Connection, { bytesRead: number; sinceMs: number }>();
  let mode: CloseMode | undefined;
  let deadlineMs = Number.POSITIVE_INFINITY;
  let closed: Promise<LaneEnd> | undefined;

  async function drain(): Promise<LaneEnd> {
    for (const { lastDue } of connections)
      if (lastDue?.headersSent === false) lastDue.shouldKeepAlive = false;
    // In a reload the backlog is for those with whom the socket is shared.
    if (mode === 'stop' && server.listening) await acceptBacklog(server);
    else stopAccepting(server);
    // A reload may take much longer than a running job has.
    const jobsByMs = monotonicMs() + jobsMs;
    let givingBack: Promise<void> | undefined;
    let jobsTaken = jobs !== undefined;
    void jobs?.leave().finally(() => {
      jobsTaken = false;
    });
    await until(
      () => {
        if (monotonicMs() >= jobsByMs) givingBack ??= jobs?.giveBack();
        return endSilent() + (jobs?.running ?? 0) === 0 && !jobsTaken;
      },
      () => deadlineMs,
    );
    // At once: whoever waited for them to be taken for lost would wait for longer.
    await Promise.race([givingBack ?? jobs?.giveBack(), sleep(timings.flushMs)]);
    const cut = accepted().length;
    let told = onAnswered === undefined;
    void onAnswered?.().finally(() => {
      told = true;
    });
    await until(
      () => told,
      () => deadlineMs,
    );
    const flushedMs = monotonicMs() + timings.flushMs;
    // In a reload the server as a whole goes on: nobody is told that it is shutting down.
    if (mode === 'reload') cutConnections();
    const laneEnded = lane.close();
    await answerCut(flushedMs);
    cutConnections();
    // A thread in native code ends when it is done with it: that may take seconds.
    const laneEnd = await Promise.race([
      laneEnded,
      sleep(Math.max(1, flushedMs - monotonicMs()), { cut: 0, isQuiet: false }),
    ]);
    http.dispose();
    return { cut: Math.max(cut, laneEnd.cut), isQuiet: laneEnd.isQuiet };
  }

  function cutConnections(): void {
    for (const { socket } of connections) socket.destroy();
  }

  /** Who waits in the lane or on a timer is told so, and given a moment to hear it. */
  async function answerCut(flushedMs: number): Promise<void> {
    await until(() => unanswered().length === 0, flushedMs - timings.flushMs / 2);
    for (const answer of unanswered()) answerRefusal(answer, shuttingDown());
    await until(() => accepted().length === 0, flushedMs);
  }

  /** Answers due to requests that have arrived whole. */
  function accepted(): Answer[] {
    return [...connections].flatMap((connection) => connection.due()).filter((answer) => answer.req.complete);
  }

  function unanswered(): Answer[] {
    return accepted().filter((answer) => !answer.headersSent);
  }

  async function until(condition: () => boolean, timeMs: number | (() => number)): Promise<void> {
    const byMs = typeof timeMs === 'number' ? () => timeMs : timeMs;
    while (!condition() && monotonicMs() < byMs()) await sleep(timings.tickMs);
  }

  /** @returns how many connections are still there */
  function endSilent(): number {
    const nowMs = monotonicMs();
    for (const connection of connections) if (mayEnd(connection, nowMs)) connection.socket.destroy();
    return connections.size;
  }

  function mayEnd(connection: Connection, nowMs: number): boolean {
    const { bytesRead } = connection.socket;
    const seen = quiet.get(connection);
    const isDue = connection.lastDue !== undefined;
    if (seen?.bytesRead !== bytesRead || isDue || connection.state !== 'open') {
      quiet.set(connection, { bytesRead, sinceMs: nowMs });
      return false;
    }
    const silenceMs = connection.isHalfSent ? headersTimeoutMs + 2_000 : timings.silenceMs[mode ?? 'stop'];
    const isFresh = bytesRead === 0 && nowMs - connection.sinceMs < timings.freshMs;
    return !isFresh && nowMs - seen.sinceMs >= silenceMs;
  }

  return {
    mode: () => mode,
    close(nextMode, timeoutMs) {
      if (mode !== 'stop') mode = nextMode;
      deadlineMs = Math.min(deadlineMs, monotonicMs() + timeoutMs);
      closed ??= drain();
      return closed;
    },
  };
}

/**
 * Accepts who stands in the backlog, then stops. They are served afterwards: who is answered at once connects again at
 * once, and the backlog of a busy process would never be empty.
 */
async function acceptBacklog(server: NetServer): Promise<void> {
  const held: Socket[] = [];
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection').on('connection', (socket) => held.push(socket));
  await emptyBacklog(() => held.length);
  stopAccepting(server);
  for (const socket of held) for (const listener of listeners) Reflect.apply(listener, server, [socket]);
}

/**
 * Node's own http `close` would end idle connections at once, racing their next requests, and stop looking for late
 * headers and bodies (Node 20 to 26); that of its net server only stops listening.
 */
function stopAccepting(server: NetServer): void {
  NetServer.prototype.close.call(server);
}
