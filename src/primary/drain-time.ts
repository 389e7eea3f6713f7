// How long a server process may drain that was replaced, or of which there are to be fewer. Nobody waits for it, and
// its clients are not to notice: as long as a request may take, from its first byte to its answer.
import { answerLimitMs } from '../answer-limit.js';
import type { ServerConfig } from '../config.js';
import { longestTimerMs, type Timings } from './timings.js';

type Limits = Pick<
  ServerConfig,
  | 'requestTimeoutMs'
  | 'queueMaxWaitMs'
  | 'taskTimeoutMs'
  | 'cancelGraceMs'
  | 'shutdownTimeoutMs'
  | 'answerTimeoutMs'
  | 'app'
>;

/** In ms; never less than a stop would give. */
export function drainTimeMs(
  limits: Limits,
  { longestIoMs, answerMs }: Pick<Timings, 'longestIoMs' | 'answerMs'>,
): number {
  const callMs = limits.queueMaxWaitMs + limits.taskTimeoutMs + limits.cancelGraceMs;
  const requestMs = limits.requestTimeoutMs + Math.max(callMs, longestIoMs) + answerMs;
  const handlerMs = limits.app === undefined ? 0 : (answerLimitMs(limits) ?? 0);
  return Math.min(Math.max(requestMs, handlerMs, limits.shutdownTimeoutMs), longestTimerMs);
}
