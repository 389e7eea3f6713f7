// The CPU lane for any Node program: tasks on threads, with admission, order, deadlines and metrics; no cluster, no
// signal handlers, nothing of the host process changed.
import type { Router } from 'express';
import type { CallTask } from '../app.js';
import { monotonicMs } from '../clock.js';
import { type Config, readConfig } from '../config.js';
import { processBudget, readCores } from '../core-budget.js';
import type { LaneStatus } from '../lane/call.js';
import { createLane as createCpuLane } from '../lane/lane.js';
import { createLogger, type Logger } from '../log.js';
import { familyMetrics, laneGauges, loadGauges, prometheusText } from '../metrics/exposition.js';
import { watchMachineLoad } from '../metrics/machine-load.js';
import { createServerMetrics } from '../server/metrics.js';
import { createCallTask } from '../server/own/call-task.js';
import { loadTasks } from '../tasks/registry.js';
import { drainingLane } from './draining-lane.js';
import { createRouter } from './router.js';
import { senderOf } from './sender.js';
import { pathOf, type SettingsOptions, variablesOf } from './settings.js';

/** What of the settings is the lane's own, in camel case. */
type LaneSettings = Pick<
  SettingsOptions,
  | 'poolMinThreads'
  | 'poolMaxThreads'
  | 'poolIdleTimeoutMs'
  | 'poolNice'
  | 'poolMaxHeapMb'
  | 'poolMaxQueue'
  | 'queueMaxWaitMs'
  | 'inlineMaxUs'
  | 'taskTimeoutMs'
  | 'cancelGraceMs'
  | 'bodyLimitBytes'
  | 'uploadLimitBytes'
>;

/** A folder of task files, or one task's own file. */
export type TaskSource = string | URL;

/**
 * `inlineMaxUs` is 0 by default: no task runs on the event loop of its host. What such a run leaves behind (a timer that
 * throws) would be an uncaught exception of the host's.
 */
export interface LaneOptions extends LaneSettings {
  readonly tasks: TaskSource | readonly TaskSource[];
  /** A pino logger, for what the lane and its tasks have to say. Default: nothing is said. */
  readonly log?: Logger;
  /**
   * Once: so many threads do not end (calls that go on after their answer, native code that does not return) that each
   * further one takes the place of one that works. A new process would help: end this one when it suits you. It is in
   * the log as well.
   */
  readonly onWorn?: () => void;
  /** No thread can be started any more: every call is refused. Default: logged. */
  readonly onFatal?: (error: unknown) => void;
}

export interface CpuLane {
  readonly call: CallTask;
  /**
   * The tasks' routes, for an Express 5 app: POST, GET forms, problems for what goes wrong. What is no task's goes on to
   * the app.
   */
  router(): Router;
  status(): LaneStatus;
  /** Prometheus text: calls, waits and runs by task, threads, queue, load. */
  metrics(): Promise<string>;
  /**
   * Takes no more calls, waits for those that it has, then ends its threads. Idempotent.
   * @param timeoutMs how long to wait; then what is open rejects with SHUTTING_DOWN. Default: 30 s
   * @returns how many calls were cut
   */
  close(options?: { readonly timeoutMs?: number }): Promise<{ readonly cut: number }>;
}

/**
 * Resolves when the tasks are loaded, here and by a first thread.
 * @throws TaskFileError for a file that cannot be served; ConfigError for a setting that does not fit; TypeError for a
 * name that is no setting
 */
export async function createLane(options: LaneOptions): Promise<CpuLane> {
  const { tasks: sources, log = createLogger('silent', {}), onWorn, onFatal, ...given } = options;
  const config = laneConfig(readConfig({ INLINE_MAX_US: '0', ...variablesOf(given) }));
  const tasks = await loadTasks([sources].flat().map(pathOf));
  const { onCall, onStalled, onAnswer, report } = createServerMetrics(tasks.map(({ route }) => route));
  const lane = drainingLane(
    createCpuLane({
      config,
      tasks,
      log,
      onCall,
      onStalled,
      onWorn,
      onFatal,
    }),
  );
  try {
    await lane.warm();
  } catch (error) {
    await lane.drain(0);
    throw error;
  }
  const loads = watchMachineLoad([
    {
      state: 'ready',
      config: { cores: readCores(), poolMaxThreads: config.poolMaxThreads },
      get load() {
        // What the host does beside the lane is not asked for.
        return { ...lane.load(), atMs: monotonicMs(), cpuMs: 0, answers: 0, errors: 0 };
      },
      tellLoad() {},
    },
  ]);
  const call = createCallTask({ lane, tasks, senderOf });

  return {
    call,
    router: () => createRouter({ config, tasks, lane, log, onAnswer }),
    status: () => lane.status(),
    metrics: () =>
      prometheusText([
        [...familyMetrics(report().series), ...loadGauges(loads.read()), ...laneGauges([lane.status()])],
      ]),
    close({ timeoutMs = 30_000 } = {}) {
      loads.close();
      return lane.drain(timeoutMs);
    },
  };
}

/** Threads by the machine's cores, as those of a single server process. */
function laneConfig(config: Config) {
  return { ...config, ...processBudget(config, readCores(), 1) };
}
