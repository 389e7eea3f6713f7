// How long a handler of a team's own app may take to begin its answer, by the settings.
import type { Config } from './config.js';

type Limits = Pick<Config, 'answerTimeoutMs' | 'requestTimeoutMs' | 'queueMaxWaitMs' | 'taskTimeoutMs'>;

/** From when its headers had been read, in ms; undefined: for ever. */
export function answerLimitMs(limits: Limits): number | undefined {
  const { answerTimeoutMs, requestTimeoutMs, queueMaxWaitMs, taskTimeoutMs } = limits;
  if (answerTimeoutMs === 'auto') return requestTimeoutMs + queueMaxWaitMs + taskTimeoutMs;
  return answerTimeoutMs === 0 ? undefined : answerTimeoutMs;
}
