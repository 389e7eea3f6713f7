// The deadline a caller sets with `Request-Timeout: <seconds>`, counted from when its headers had been read.
import type { Request } from 'express';
import { monotonicMs } from '../../clock.js';
import { AppError } from '../../errors.js';

const form = /^\d{1,6}(?:\.\d{1,3})?$/;

/** How long the caller waits, in ms; undefined where it does not say. @throws AppError BAD_REQUEST */
export function requestTimeoutMs({ headers }: Pick<Request, 'headers'>): number | undefined {
  const header = headers['request-timeout'];
  if (header === undefined) return undefined;
  const seconds = typeof header === 'string' && form.test(header) ? Number(header) : 0;
  if (seconds === 0)
    throw new AppError('BAD_REQUEST', 'Request-Timeout must be seconds above 0, such as 2.5.');
  return seconds * 1_000;
}

/** On the clock of monotonicMs(); undefined where the caller set none. @throws AppError BAD_REQUEST */
export function deadlineOf(req: Pick<Request, 'headers' | 'exchange'>): number | undefined {
  const timeoutMs = requestTimeoutMs(req);
  if (timeoutMs === undefined) return undefined;
  const passedMs = performance.now() - req.exchange.arrivedMs;
  return monotonicMs() - passedMs + timeoutMs;
}
