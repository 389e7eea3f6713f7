// What the lane is made from: its tasks, and settings that all have a default.
import { readConfig, type ServerConfig } from '../config.js';
import { processBudget, readCores } from '../core-budget.js';
import { createLogger, type Logger } from '../log.js';
import type { Task } from '../tasks/registry.js';
import type { CallMeter, OnCall } from './call.js';

export type LaneConfig = Pick<
  ServerConfig,
  | 'poolMinThreads'
  | 'poolMaxThreads'
  | 'cores'
  | 'poolIdleTimeoutMs'
  | 'poolNice'
  | 'poolMaxHeapMb'
  | 'poolMaxQueue'
  | 'queueMaxWaitMs'
  | 'inlineMaxUs'
  | 'taskTimeoutMs'
  | 'cancelGraceMs'
>;

export interface LaneOptions {
  readonly tasks: readonly Task[];
  /** What is left out has the README's default, for a process that has the machine for itself. */
  readonly config?: Partial<LaneConfig>;
  /** Default: nothing is said. */
  readonly log?: Logger;
  /** Every call runs on the event loop, for tests that are to be debugged: no threads, no queue. */
  readonly onLoop?: boolean;
  /** Whether spans are recorded. */
  readonly traced?: boolean;
  /** None: everybody may use what there is. */
  readonly meter?: CallMeter | undefined;
  readonly onCall?: OnCall;
  /** A thread was ended that began none of its calls. */
  readonly onStalled?: () => void;
  /** Too many threads do not end: this process should be replaced, at leisure. */
  readonly onWorn?: (() => void) | undefined;
  /** No thread can be started any more: this process is of no use. Default: logged. */
  readonly onFatal?: ((error: unknown) => void) | undefined;
}

/** The same, with nothing left out. */
export interface LaneDeps extends Required<LaneOptions> {
  readonly config: LaneConfig;
  readonly onWorn: () => void;
  readonly onFatal: (error: unknown) => void;
}

export function withDefaults(options: LaneOptions): LaneDeps {
  const { log = createLogger('silent', {}), onFatal, onWorn, ...given } = options;
  return {
    onLoop: false,
    traced: false,
    meter: undefined,
    onCall: () => undefined,
    onStalled: () => undefined,
    onWorn: onWorn ?? (() => undefined),
    onFatal: onFatal ?? ((error) => log.fatal({ err: error }, 'the lane is of no use any more')),
    ...given,
    log,
    config: { ...defaultConfig(), ...options.config },
  };
}

function defaultConfig(): LaneConfig {
  const config = readConfig({});
  return { ...config, ...processBudget(config, readCores(), 1) };
}
