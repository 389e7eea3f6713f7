// What the lane is made from.
import type { ServerConfig } from '../config.js';
import type { Logger } from '../log.js';
import type { Task } from '../tasks/registry.js';
import type { CallMeter, CallRecord } from './call.js';

export type LaneConfig = Pick<
  ServerConfig,
  | 'poolMinThreads'
  | 'poolMaxThreads'
  | 'coreShare'
  | 'poolIdleTimeoutMs'
  | 'poolNice'
  | 'poolMaxHeapMb'
  | 'poolMaxQueue'
  | 'queueMaxWaitMs'
  | 'inlineMaxUs'
  | 'taskTimeoutMs'
  | 'cancelGraceMs'
>;

export interface LaneDeps {
  readonly config: LaneConfig;
  readonly tasks: readonly Task[];
  readonly log: Logger;
  /** Every call runs on the event loop, for tests that are to be debugged: no threads, no queue. */
  readonly onLoop?: boolean;
  /** None: everybody may use what there is. */
  readonly meter?: CallMeter | undefined;
  /** Every call, once, when its outcome is known. */
  readonly onCall?: (record: CallRecord) => void;
  /** Too many threads do not end: this process should be replaced, at leisure. */
  readonly onWorn?: (() => void) | undefined;
  /** No thread can be started any more: this process is of no use. */
  readonly onFatal: (error: unknown) => void;
}
