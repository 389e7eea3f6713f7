// Runs the primary from its settings to its exit code: cores → address → supervision → signals. How the cluster is
// kept alive is primary.ts.
import cluster from 'node:cluster';
import { resolve } from 'node:path';
import { type Config, ConfigError, type ServerConfig } from '../config.js';
import { budget, processBudget, readCores } from '../core-budget.js';
import { addressOf, localUrl, socketPathOf, unixHost } from '../host.js';
import { type Logger, logOutput } from '../log.js';
import { jobsFd } from '../messages.js';
import { thisRelease } from '../release.js';
import type { ServiceManager } from '../service-manager.js';
import { listenAdmin } from './admin/admin.js';
import { listenAgent } from './agent.js';
import { exitCodes, type Outcome } from './exit-codes.js';
import { createFork } from './fork.js';
import { greeting } from './greeting.js';
import { createHandover } from './handover.js';
import { openPrimaryJobs } from './jobs.js';
import { type LaunchPath, launchPath } from './launch-path.js';
import { createLogRelay, needsRelay } from './log-relay.js';
import { createNotifier } from './notify.js';
import { openFilesLimit } from './open-files.js';
import { linkParent } from './parent-link.js';
import { type Primary, startPrimary } from './primary.js';
import { openPublicPort } from './public-port.js';
import { obeySignals } from './signals.js';
import { defaultTimings, type Timings } from './timings.js';

export interface RunOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly timings?: Timings;
  /** What the shell calls the working folder (PWD). */
  readonly pwd?: string | undefined;
  /** Where programs are looked for (PATH). */
  readonly path?: string | undefined;
  readonly manager?: ServiceManager;
}

/** How long the last lines of the log may take to leave: their reader may have stalled. */
const lastLinesMs = 300;

/**
 * Serves until it is stopped.
 * @throws ConfigError where the address cannot be used, or this is no process of its own; nothing was forked then
 */
export async function runPrimary(options: RunOptions): Promise<Outcome> {
  const { log, timings = defaultTimings, pwd, manager } = options;
  if (cluster.isWorker) throw new ConfigError(notByCluster);
  const path = launchPath({ script: process.argv[1] ?? '', cwd: process.cwd(), pwd });
  const config = withoutRelativePaths(options.config, path);
  process.title = 'millrace: primary';
  let primary: Primary | undefined;
  const stop = new AbortController();
  obeySignals(
    {
      stop(reason) {
        stop.abort();
        void primary?.close(reason);
      },
      force: (reason) => primary?.force(reason),
      reload: () => primary?.reloadNext(),
      resize: (by) => primary?.resize(by),
    },
    timings.secondSignalMs,
  );
  const parent = linkParent(
    () => primary,
    (reason) => {
      stop.abort();
      void primary?.close(reason);
    },
  );
  const admin = await listenAdmin(config, log);
  const handover = createHandover({
    log,
    ...timings,
    longestWaitMs: config.headersTimeoutMs,
    // Replacements and the admin server need descriptors too.
    mostWaiting: Math.min(timings.mostWaiting, Math.floor(openFilesLimit() / 2)),
  });
  const isShared = cluster.schedulingPolicy === cluster.SCHED_NONE;
  const publicPort = await openPublicPort(config, handover, isShared, inheritedSocket(manager));
  const { host, port = config.port } = publicPort;
  const socket = socketPathOf(host) ?? null;
  const agent =
    config.agentPort === undefined ? undefined : await listenAgent(addressOf(host), config.agentPort);
  // A disk that does not answer holds up no stop.
  const jobs =
    config.jobs === 'on' ? await unlessStopped(openPrimaryJobs(config, log), stop.signal) : undefined;
  if (stop.signal.aborted) {
    await jobs?.close();
    return { code: exitCodes.ok };
  }
  const notifier = manager && createNotifier(manager, options.path, log);

  const { serverProcesses } = budget(config, readCores());
  const started = { pid: process.pid, node: process.version, ...thisRelease(), serverProcesses };
  log.info(started, 'primary started');
  const output = needsRelay() ? 'pipe' : 'inherit';
  if (output === 'pipe' || jobs?.serve !== undefined)
    cluster.setupPrimary({
      stdio: ['inherit', output, 'inherit', 'ipc', ...(jobs?.serve ? (['pipe'] as const) : [])],
    });
  const relay = createLogRelay(logOutput);
  cluster.on('fork', ({ process: { pid, stdout, stdio } }) => {
    // One that could not be forked is told of too; it has no output, not even null (Node 20 to 26).
    if (pid === undefined) return;
    relay.add(stdout);
    jobs?.serve?.(stdio[jobsFd]);
  });
  primary = startPrimary({
    configFor(workers): ServerConfig {
      return {
        ...config,
        port,
        workers,
        ...processBudget(config, readCores(), workers),
      };
    },
    serverProcesses,
    fork: createFork(path, log),
    publicPort,
    timings,
    log,
    onEvent(event) {
      admin?.onEvent(event);
      notifier?.onEvent(event);
    },
    onListening: (servers) => {
      const url = localUrl(host, port);
      const what = {
        url,
        port: publicPort.port ?? null,
        socket,
        adminUrl: admin?.url ?? null,
        ...(agent && { agentPort: agent.port }),
        pid: process.pid,
        serverProcesses: servers.length,
        threadsPerProcess: servers.at(-1)?.poolMaxThreads,
      };
      notifier?.listening(servers.length);
      parent.listening({ url, socket, adminUrl: what.adminUrl, pid: process.pid });
      if (!process.stdout.isTTY) log.info(what, 'listening');
      else if (log.isLevelEnabled('info'))
        logOutput.write(
          greeting({
            url,
            adminUrl: what.adminUrl,
            // No browser opens it at the path of a socket.
            docs: config.docs === 'on' && socket === null,
            prefix: config.routePrefix,
          }),
        );
    },
  });
  admin?.attach(primary, jobs?.store);
  agent?.attach(primary);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception in the primary: draining');
    void primary?.close('uncaught exception', exitCodes.forced);
  });
  const outcome = await primary.done;
  admin?.close();
  agent?.close();
  notifier?.close();
  await jobs?.close();
  await relay.ended(lastLinesMs);
  await logOutput.flush(lastLinesMs);
  return outcome;
}

/** The first descriptor that a service manager hands over (sd_listen_fds). */
const firstSocket = 3;

function inheritedSocket(manager: ServiceManager | undefined): number | undefined {
  const sockets = manager?.sockets ?? 0;
  if (sockets > 1) throw new ConfigError(`LISTEN_FDS must be 1, the public port's socket, not ${sockets}`);
  return sockets === 1 ? firstSocket : undefined;
}

const notByCluster =
  'run it in fork mode: it was started as a worker of another cluster, but starts its server processes itself ' +
  '(PM2: exec_mode "fork" and one instance; WORKERS says how many server processes)';

/** As the folder was written at the start: where a deploy turns a link, they lie in the new release. */
function withoutRelativePaths(config: Config, { folder }: LaunchPath): Config {
  const { host, app, tasksDir, apiKeysFile, jobsDir } = config;
  const socket = socketPathOf(host);
  return {
    ...config,
    host: socket === undefined ? host : unixHost(resolve(folder, socket)),
    app: app && resolve(folder, app),
    tasksDir: tasksDir && resolve(folder, tasksDir),
    apiKeysFile: apiKeysFile && resolve(folder, apiKeysFile),
    jobsDir: jobsDir && resolve(folder, jobsDir),
  };
}

/** Undefined where the signal comes first. */
function unlessStopped<T>(opened: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  opened.catch(() => undefined);
  if (signal.aborted) return Promise.resolve(undefined);
  const stopped = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  return Promise.race([opened, stopped]);
}
