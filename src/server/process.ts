// The life of a server process between the primary's messages: hello → boot → loaded → ready → beats → close. What it serves
// is server.ts; when it closes is the primary's decision, but for faults of its own and the primary's death.
import cluster from 'node:cluster';
import { Socket } from 'node:net';
import { KeyFileError } from '../api-keys.js';
import { ConfigError, type ServerConfig } from '../config.js';
import { localUrl } from '../host.js';
import type { JobStore } from '../jobs/store.js';
import { createStoreLink } from '../jobs/store-link.js';
import { createLogger, createRequestLogger, type Logger, logOutput } from '../log.js';
import {
  type CloseMode,
  type ClusterReadiness,
  jobsFd,
  type MachineLoad,
  protocolVersion,
  type ToPrimary,
  type ToServer,
} from '../messages.js';
import { stepBackLibuv, stepBackV8 } from '../priority.js';
import { beforeProcessExit } from '../process-exit.js';
import { appRelease, thisRelease } from '../release.js';
import { isSocketHandle, type SocketHandle } from '../socket-handle.js';
import { AppFileError } from '../tasks/app-file.js';
import { createLoadWatch } from '../tasks/load-watch.js';
import { TaskFileChanged, TaskFileError } from '../tasks/registry.js';
import { thrownByCode } from '../tasks/thrown-by-code.js';
import { tellOfListening } from './own/own-listener.js';
import { type LoadedServer, startServer } from './server.js';
import { keepTickObject } from './tick-objects.js';

/**
 * Without a primary nobody accepts connections: what runs may end, within the two seconds that are left. A loop that is
 * wedged at that very moment cannot keep to it; a thread that watches would cost 9 MiB in every process (Node 20), for
 * the seconds between a wedge and HEARTBEAT_TIMEOUT_MS.
 */
const orphanDrainMs = 1_200;
/** Threads in native code keep the drain until here. Half a second is left to notice and to die, on a busy machine. */
const orphanLimitMs = 1_500;

/** How long the last lines of the log may take to leave. */
const lastLinesMs = 100;

export function runServerProcess(): void {
  keepTickObject();
  let server: LoadedServer | undefined;
  /** It will not be ready: connections that still come are sent back. */
  let isUnloaded = false;
  let isReady = false;
  let hasFailed = false;
  let readiness: ClusterReadiness = 'unavailable';
  let machineLoad: MachineLoad | undefined;
  let log: Logger | undefined;
  let leaving = false;
  let orphaned = false;
  let exitCode = 0;
  const timers: NodeJS.Timeout[] = [];
  const loading = createLoadWatch((file, step) => send({ type: 'loading', file, step }));

  let received = 0;
  process.on('message', (message: ToServer, handle: unknown) => {
    switch (message.type) {
      case 'boot':
        return void boot(message, isSocketHandle(handle) ? handle : undefined);
      case 'connection':
        return receive(message.seq, handle);
      case 'received?':
        if (message.seq !== received) send({ type: 'received', seq: message.seq, ok: false });
        return;
      case 'readiness':
        readiness = message.readiness;
        return;
      case 'load':
        machineLoad = message.load;
        return;
      case 'report':
        return void report(message.id, message.runtime);
      case 'quota':
        return server?.grant(message);
      case 'close':
        return void close(message.mode, message.timeoutMs);
      default:
        log?.warn({ received: message satisfies never }, 'unknown message from the primary');
    }
  });
  // What a task has left behind is not ours.
  process.on('uncaughtException', (error) => {
    if (!loading.takesError(error) && !server?.takesError(error)) fail(error);
  });
  process.on('unhandledRejection', (reason, promise) => {
    if (!loading.takesError(reason) && !server?.takesError(reason, promise)) fail(reason);
  });
  beforeProcessExit((code) => {
    server?.refuseExit();
    const fault = loading.exitBy(code);
    if (fault !== undefined) tellFault(fault);
  });
  // Node would print it in its own form, in lines of their own (see the fork's --no-warnings).
  process.on('warning', (warning) => log?.warn({ err: warning }, 'warning'));
  cluster.worker?.on('disconnect', () => {
    // Otherwise the cluster module ends the process at once.
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
    orphaned = true;
    setTimeout(() => leave(false), orphanLimitMs);
    log?.warn('the primary is gone: leaving');
    readiness = 'unavailable';
    void close('stop', orphanDrainMs);
  });
  send({ type: 'hello', protocol: protocolVersion });

  async function boot(
    message: Extract<ToServer, { type: 'boot' }>,
    sharedSocket?: SocketHandle,
  ): Promise<void> {
    const { config, slot } = message;
    process.title = `millrace: server ${slot}`;
    readiness = message.readiness;
    // Whoever owns the process may do so; before any thread is started.
    stepBackV8(config.poolNice);
    const bindings = { process: `server ${slot}`, pid: process.pid };
    log = createLogger(config.logLevel, bindings);
    await stepBackLibuv(config.poolNice);
    if (config.app !== undefined) tellOfListening(log);
    const isLinked = config.jobs === 'on' && config.redisUrl === undefined;
    // A file whose import waits for what never comes is known by an event loop that has nothing left to do.
    const jobsSocket = isLinked ? new Socket({ fd: jobsFd }).unref() : undefined;
    try {
      await startServer({
        config,
        slot,
        log,
        requestLog: createRequestLogger(config.logLevel, bindings),
        readiness: () => readiness,
        machineLoad: () => machineLoad,
        loading,
        onLoaded(loaded) {
          server = loaded;
          jobsSocket?.ref();
          send({ type: 'loaded' });
        },
        onUnloaded() {
          isUnloaded = true;
          send({ type: 'unloaded' });
        },
        onQuota: (reports) => send({ type: 'quota', reports }),
        onProxied: () => send({ type: 'proxied' }),
        onWorn: () => send({ type: 'failing', reason: 'lost threads' }),
        onFatal: fail,
        connectionsFrom: sharedSocket ?? 'primary',
        jobStore: config.jobs === 'on' ? await openJobStore(config, log, jobsSocket) : undefined,
      });
    } catch (error) {
      // On its way out already: see `close`.
      if (leaving) return;
      const line = unbootable(error, config);
      if (line === undefined) log.fatal({ err: error }, 'the server process could not start');
      else {
        const thrown = thrownByCode(error);
        if (thrown !== undefined) log.error({ err: thrown }, line);
        const final = !(error instanceof TaskFileChanged);
        return send({ type: 'unbootable', line, final }, () => process.exit(1));
      }
      process.exit(1);
    }
    isReady = true;
    send({ type: 'ready', release: config.app === undefined ? thisRelease() : appRelease(config.app) });
    if (hasFailed) send({ type: 'failing', reason: 'uncaught exception' });
    const beatEveryMs = Math.min(500, Math.max(20, config.heartbeatTimeoutMs / 20));
    timers.push(setInterval(() => server && send({ type: 'beat', load: server.load() }), beatEveryMs));
  }

  /** The word first: nothing of the connection was read then, so another process may have it if this one dies. */
  function receive(seq: number, connection: unknown): void {
    if (!isSocketHandle(connection)) return;
    received = seq;
    if (isUnloaded) {
      connection.close();
      send({ type: 'received', seq, ok: false });
      return;
    }
    send({ type: 'received', seq, ok: true });
    if (server === undefined) connection.close();
    else server.take(connection);
  }

  async function report(id: number | null, wantsRuntime: boolean): Promise<void> {
    if (server === undefined) return;
    const runtime = wantsRuntime ? await server.runtime() : null;
    const { status, load, metrics } = server;
    send({ type: 'report', id, status: status(), load: load(), metrics: metrics(), runtime });
  }

  async function close(mode: CloseMode, timeoutMs: number): Promise<void> {
    if (server === undefined) return leave(true);
    const first = !leaving;
    leaving = true;
    const { cut, isQuiet } = await server.close(mode, timeoutMs);
    // A later close only hastens the first one.
    if (!first) return;
    await report(null, false);
    for (const timer of timers) clearInterval(timer);
    await logOutput.flush(lastLinesMs);
    send({ type: 'closed', cut }, () => leave(isQuiet));
  }

  /**
   * `process.exit` ends every thread: where one is in native code it waits without end, and where an addon works for
   * one it can abort (departure.ts in src/thread). What is left in them nobody waits for.
   */
  function leave(isQuiet: boolean): void {
    if (orphaned || !isQuiet) process.kill(process.pid, 'SIGKILL');
    else process.exit(exitCode);
  }

  /** Of a task's file, once it was imported: before it is ready that is why it never will be. */
  function tellFault(fault: TaskFileError): void {
    log?.error({ err: fault.cause }, fault.message);
    if (!isReady) send({ type: 'unbootable', line: fault.message, final: true });
  }

  /**
   * A fault of our own: the state of this process is unknown from here on. What was accepted may still end, and the
   * primary says when to leave: not before somebody else takes connections.
   */
  function fail(error: unknown): void {
    const fault = isReady ? undefined : loading.laterError(error);
    if (fault !== undefined) {
      tellFault(fault);
      process.exit(1);
    }
    log?.fatal({ err: error }, 'uncaught exception: draining');
    if (log === undefined) console.error(error);
    if (server === undefined) process.exit(1);
    exitCode = 1;
    hasFailed = true;
    // Until it is ready it has no place that another one could take: that is told then.
    if (isReady) send({ type: 'failing', reason: 'uncaught exception' });
  }
}

/** Where this process's jobs are kept: with the primary, or on Redis, which every process reaches by itself. */
async function openJobStore(
  config: ServerConfig,
  log: Logger,
  linked: Socket | undefined,
): Promise<JobStore> {
  if (linked !== undefined) return createStoreLink(linked);
  // Loaded where it is needed: it would cost every process memory and time.
  const { openRedisJobs } = await import('../jobs/redis/redis-jobs.js');
  return openRedisJobs(config, log, false);
}

/** @param sent called once it is on its way, or where it cannot be: that the primary is gone, 'disconnect' tells */
function send(message: ToPrimary, sent: () => void = () => {}): void {
  if (process.connected) process.send?.(message, undefined, undefined, sent);
  else sent();
}

/** The line for the user where it is no fault of ours, else undefined. */
function unbootable(error: unknown, { host, port }: ServerConfig): string | undefined {
  if (error instanceof TaskFileError || error instanceof TaskFileChanged) return error.message;
  if (error instanceof AppFileError) return error.message;
  if (error instanceof KeyFileError || error instanceof ConfigError) return error.message;
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  const listening = error.syscall === 'listen' || error.syscall === 'bind';
  return listening
    ? `HOST and PORT must be usable, but ${localUrl(host, port)} is not (${error.code})`
    : undefined;
}
