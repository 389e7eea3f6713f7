// Runs the primary from its settings to its exit code: cores → address → supervision → signals. How the cluster is
// kept alive is primary.ts.
import cluster from 'node:cluster';
import { cpus } from 'node:os';
import type { Config, ServerConfig } from '../config.js';
import { budget, coreShare, readCores, threadsPerProcess } from '../core-budget.js';
import { type Logger, logOutput } from '../log.js';
import { localUrl, proveAddress } from './address.js';
import { listenAdmin } from './admin/admin.js';
import { exitCodes, type Outcome } from './exit-codes.js';
import { greeting } from './greeting.js';
import { createLogRelay, needsRelay } from './log-relay.js';
import { type Primary, startPrimary } from './primary.js';
import { obeySignals } from './signals.js';
import { defaultTimings, type Timings } from './timings.js';

export interface RunOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly timings?: Timings;
}

/** How long the last lines of the log may take to leave: their reader may have stalled. */
const lastLinesMs = 300;

/**
 * Serves until it is stopped.
 * @throws ConfigError where the address cannot be used; nothing was forked then
 */
export async function runPrimary({ config, log, timings = defaultTimings }: RunOptions): Promise<Outcome> {
  process.title = 'millrace: primary';
  let primary: Primary | undefined;
  let stopped = false;
  obeySignals(
    {
      stop(reason) {
        stopped = true;
        void primary?.close(reason);
      },
      force: (reason) => primary?.force(reason),
      reload: () => void primary?.reload(),
      resize: (by) => primary?.resize(by),
    },
    timings.secondSignalMs,
  );
  const admin = await listenAdmin(config, log);
  const port = await proveAddress(config.host, config.port, { host: 'HOST', port: 'PORT' });
  if (stopped) return { code: exitCodes.ok };

  const { serverProcesses } = budget(config, readCores());
  log.info({ pid: process.pid, node: process.version, serverProcesses }, 'primary started');
  // Flags were read here: what server processes need comes with `boot`.
  // Warnings of Node become lines of their log, not text of several lines among it.
  cluster.setupPrimary({
    args: [],
    execArgv: [...process.execArgv, '--no-warnings'],
    ...(needsRelay() && { stdio: ['inherit', 'pipe', 'inherit', 'ipc'] }),
  });
  const relay = createLogRelay(logOutput);
  cluster.on('fork', ({ process: { stdout } }) => relay.add(stdout));
  primary = startPrimary({
    configFor(workers): ServerConfig {
      const cores = readCores();
      return {
        ...config,
        port,
        workers,
        poolMaxThreads: threadsPerProcess(config, cores, workers),
        coreShare: coreShare(cores, cpus().length, workers),
      };
    },
    serverProcesses,
    timings,
    log,
    ...(admin && { onEvent: admin.onEvent }),
    onListening: (servers) => {
      const url = localUrl(config.host, port);
      const what = {
        url,
        port,
        adminUrl: admin?.url ?? null,
        pid: process.pid,
        serverProcesses: servers.length,
        threadsPerProcess: servers.at(-1)?.poolMaxThreads,
      };
      if (!process.stdout.isTTY) log.info(what, 'listening');
      else if (log.isLevelEnabled('info'))
        logOutput.write(greeting({ url, adminUrl: what.adminUrl, docs: config.docs === 'on' }));
    },
  });
  admin?.attach(primary);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception in the primary: draining');
    void primary?.close('uncaught exception', exitCodes.forced);
  });
  const outcome = await primary.done;
  admin?.close();
  await relay.ended(lastLinesMs);
  await logOutput.flush(lastLinesMs);
  return outcome;
}
