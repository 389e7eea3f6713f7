// Starts the server of one server process: tasks → CPU lane → app → connections → first thread → jobs. When and why it
// closes is decided by the primary; how, in drain.ts.
import type { Server } from 'node:http';
import { resolve } from 'node:path';
import type { Request, Response } from 'express';
import { answerLimitMs } from '../answer-limit.js';
import { readApiKeys } from '../api-keys.js';
import type { AppSetup } from '../app.js';
import { monotonicMs } from '../clock.js';
import type { ServerConfig } from '../config.js';
import { socketPathOf } from '../host.js';
import { backlog } from '../http/backlog.js';
import { createHttpServer } from '../http/http-server.js';
import type { JobStore } from '../jobs/store.js';
import type { LaneEnd } from '../lane/call.js';
import { createLane } from '../lane/lane.js';
import type { Logger } from '../log.js';
import type {
  CloseMode,
  ClusterReadiness,
  LoadReport,
  MachineLoad,
  QuotaAnswer,
  QuotaReport,
  ServerStatus,
} from '../messages.js';
import type { MetricsReport, RuntimeMetrics } from '../metrics/families.js';
import { createProcessLoad } from '../metrics/process-load.js';
import { createRuntimeMetrics } from '../metrics/runtime-metrics.js';
import type { SocketHandle } from '../socket-handle.js';
import { loadApp } from '../tasks/app-file.js';
import { taskFolders } from '../tasks/folders.js';
import { type LoadWatch, unwatched } from '../tasks/load-watch.js';
import { loadTasks, type Task } from '../tasks/registry.js';
import { flushSpans, isTraced } from '../tracing.js';
import { securityHeaders } from './answer/security-headers.js';
import { openApp } from './app.js';
import { createDrain } from './drain.js';
import { alignPrototypes } from './express-prototypes.js';
import { noteKey } from './guard/access.js';
import { linkQuota } from './guard/quota-link.js';
import { openServerJobs } from './jobs.js';
import { createLoopDelay } from './loop-delay.js';
import { createServerMetrics } from './metrics.js';
import { watchAnswers } from './own/answer-watch.js';
import { type OwnApp, setUpOwnApp } from './own/own-app.js';
import { createRefusalRate } from './refusal-rate.js';
import { logUnhandled } from './unhandled-requests.js';

/** How long the last spans may take to leave: less than a process may take after its drain. */
const flushSpansMs = 400;

export interface ServerDeps {
  readonly config: ServerConfig;
  /** The number of this server process among its peers; it stays when the process is replaced. */
  readonly slot: number;
  readonly log: Logger;
  /** For the lines of requests; by default the log. */
  readonly requestLog?: Logger;
  readonly readiness: () => ClusterReadiness;
  /** The machine's load as it was told last, for who asks; undefined: not known yet. */
  readonly machineLoad?: () => MachineLoad | undefined;
  /**
   * All that was read and imported can be served, and it may be given connections from now on; what is left is to start
   * threads. Calls wait for the first of them.
   */
  readonly onLoaded?: (server: LoadedServer) => void;
  /** It will not be ready after all: it takes no connections any more, and answers those that it has. */
  readonly onUnloaded?: () => void;
  /** Watches over what is imported. */
  readonly loading?: LoadWatch;
  /** To be told to the primary; its answer goes to `grant`. */
  readonly onQuota?: (reports: readonly QuotaReport[]) => void;
  /** To be told to the primary: an X-Forwarded-For has come, and TRUST_PROXY is unset. */
  readonly onProxied?: () => void;
  /** In place of the app's file, and of the tasks' folders. */
  readonly setup?: AppSetup;
  readonly tasks?: readonly Task[];
  /** Where jobs are kept, if the settings want any. Default: in this process's memory. */
  readonly jobStore?: JobStore | undefined;
  /** Tasks run on the event loop: see LaneDeps. */
  readonly onLoop?: boolean;
  /** Too many threads do not end: this process should be replaced, at leisure. */
  readonly onWorn?: (() => void) | undefined;
  /** This process is of no use any more: it should be replaced. */
  readonly onFatal: (error: unknown) => void;
  /**
   * `primary`: it is given its connections (`take`). `address`: it listens at HOST and PORT. Or the socket that it
   * shares with others.
   */
  readonly connectionsFrom: 'primary' | 'address' | SocketHandle;
}

/** One whose threads may still have to start. */
export interface LoadedServer {
  /** Serves a connection that was accepted elsewhere. */
  take(connection: SocketHandle): void;
  /** The primary's answer to `onQuota`. */
  grant(answer: QuotaAnswer): void;
  status(): ServerStatus;
  load(): LoadReport;
  /** What it has counted since it began. */
  metrics(): MetricsReport;
  /** The process's own figures. */
  runtime(): Promise<RuntimeMetrics>;
  /** Errors that nobody caught, and exits, may be a task's: see Lane. */
  takesError(thrown: unknown, promise?: object): boolean;
  refuseExit(): void;
  /**
   * Ends it politely. A later `stop` hastens a running `reload`; otherwise idempotent.
   * @param timeoutMs from now; then what is open is cut
   */
  close(mode: CloseMode, timeoutMs: number): Promise<LaneEnd>;
}

export interface RunningServer extends LoadedServer {
  readonly address: string;
  readonly port: number;
}

/**
 * Resolves when it takes connections and its first thread has loaded the tasks.
 * @throws TaskFileError or KeyFileError for a file that cannot be used; Node's error for such an address
 */
export async function startServer(deps: ServerDeps): Promise<RunningServer> {
  const { config, log, requestLog = log } = deps;
  const { run, importing, settingUp, settled } = deps.loading ?? unwatched;
  const [tasks, setup] = await run(async () => {
    const tasks = deps.tasks ?? (await loadTasks(taskFolders(config), importing));
    if (deps.setup !== undefined || config.app === undefined) return [tasks, deps.setup] as const;
    await importing(resolve(config.app));
    return [tasks, await loadApp(config.app)] as const;
  });
  const keys = config.apiKeysFile === undefined ? undefined : await readApiKeys(config.apiKeysFile);
  if (keys?.size === 0) log.warn('API_KEYS_FILE has no key in it: nobody is let in');
  const { onAnswer, onCall, onJobRun, onJobShared, onStalled, report, answered } = createServerMetrics(
    tasks.map(({ route }) => route),
    config.routePrefix,
  );
  const runtime = createRuntimeMetrics(String(deps.slot));
  const link =
    config.cpuQuotaMsPerMinute > 0
      ? linkQuota(config.cpuQuotaMsPerMinute, config.workers, (reports) => deps.onQuota?.(reports))
      : undefined;
  const quota = link?.quota;
  const { onWorn, onFatal, onLoop = false } = deps;
  const traced = isTraced();
  const lane = createLane({
    config,
    traced,
    tasks,
    log,
    meter: quota,
    onLoop,
    onCall,
    onStalled,
    onWorn,
    onFatal,
  });
  const refusalRate = createRefusalRate();
  const jobs = openServerJobs({
    config,
    store: deps.jobStore,
    lane,
    tasks,
    log,
    onRun: onJobRun,
    onShared: onJobShared,
  });
  const closing = (): CloseMode | undefined => drain.mode();
  const { app, handler, tellProblem, finish } = openApp({
    config,
    isOwn: setup !== undefined,
    tasks,
    lane,
    keys,
    quota,
    jobs,
    readiness: deps.readiness,
    machineLoad: deps.machineLoad,
    closing,
    log,
    requestLog,
    refusalRate,
    traced,
    onAnswer,
    onProxied: deps.onProxied,
  });
  const http = createHttpServer({
    // Made by the app's own classes, below.
    handler: (req, res) => handler(req as Request, res as Response),
    classes: alignPrototypes(app),
    limits: config,
    readsAnyBody: setup !== undefined,
    isClosing: () => closing() !== undefined,
    headers: securityHeaders(),
    onUnhandled: logUnhandled({ accessLog: config.accessLog, log: requestLog, onAnswer }),
  });
  let own: OwnApp | undefined;
  const drain = createDrain({
    http,
    lane,
    headersTimeoutMs: config.headersTimeoutMs,
    onAnswered: async () => own?.close(),
    jobs,
    jobsMs: config.shutdownTimeoutMs,
  });
  const stopWatch =
    setup === undefined
      ? () => undefined
      : watchAnswers({ connections: http.connections, limitMs: answerLimitMs(config), tell: tellProblem });
  const loopDelay = createLoopDelay();
  const processLoad = createProcessLoad();
  const server: LoadedServer = {
    take: http.take,
    grant: (answer) => link?.receive(answer),
    status: () => ({ ...processLoad(), eventLoopDelayMs: loopDelay.read(), ...lane.status() }),
    load() {
      const { user, system } = process.cpuUsage();
      return { atMs: monotonicMs(), ...lane.load(), cpuMs: (user + system) / 1_000, ...answered() };
    },
    metrics: report,
    runtime,
    takesError: (thrown, promise) => lane.takesError(thrown, promise),
    refuseExit: () => lane.refuseExit(),
    async close(mode, timeoutMs) {
      refusalRate.close();
      const closed = await drain.close(mode, timeoutMs);
      stopWatch();
      await jobs?.close();
      if (traced) await flushSpans(flushSpansMs);
      link?.close();
      loopDelay.stop();
      return closed;
    },
  };
  let isLoaded = false;
  try {
    // The threads start meanwhile.
    await settled();
    if (setup !== undefined) {
      const identify = (req: Request): void => noteKey(keys, req);
      const file = resolve(String(config.app));
      // A setup that never ends, or leaves an error behind, is watched over like an import.
      own = await run(async () => {
        await settingUp(file);
        return setUpOwnApp({ file, setup, app, server: http.server, lane, jobs, tasks, identify, log });
      });
    }
    finish(own?.guard);
    await settled();
    // Given connections, it need not take them yet. A socket that it listens at would bring them at once: early only where
    // nobody else serves.
    const isEarly = deps.connectionsFrom === 'primary' || deps.readiness() !== 'ok';
    const early = isEarly ? await open(http.server, deps) : undefined;
    isLoaded = true;
    deps.onLoaded?.(server);
    await lane.warm();
    if (closing() === undefined) jobs?.start();
    return { ...server, ...(early ?? (await open(http.server, deps))) };
  } catch (error) {
    if (isLoaded) deps.onUnloaded?.();
    // Calls that wait for a thread are told that there will be none.
    await server.close('stop', 0);
    await own?.close();
    throw error;
  }
}

function open(server: Server, { connectionsFrom, config }: ServerDeps): Promise<Place> {
  const { host, port } = config;
  if (connectionsFrom === 'primary') {
    // With this event Node begins to look for late headers and bodies.
    server.emit('listening');
    return Promise.resolve({ address: host, port });
  }
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      const address = server.address();
      if (address === null) reject(new Error('The server has no address.'));
      else resolve(typeof address === 'string' ? { address: host, port } : address);
    });
    const path = socketPathOf(host);
    if (connectionsFrom === 'address')
      server.listen(path === undefined ? { host, port, backlog } : { path, backlog });
    else server.listen(connectionsFrom, backlog);
  });
}

type Place = Pick<RunningServer, 'address' | 'port'>;
