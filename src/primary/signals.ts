// What signals to the primary mean. They are verbs of the primary, nothing else.
import { isatty } from 'node:tty';
import { monotonicMs } from '../clock.js';
import { ignoredSignals, stopSignals, verbSignals } from '../signal-names.js';
import { exitCodes } from './exit-codes.js';

export interface SignalVerbs {
  stop(reason: string): void;
  /** The user insists. */
  force(reason: string): void;
  reload(): void;
  resize(by: 1 | -1): void;
}

/**
 * Until the primary is loaded, for some hundred milliseconds, there is nothing to drain or to reload: a stop ends it
 * with 0, the rest is ignored.
 */
export function obeyEarlySignals(): void {
  for (const signal of stopSignals) process.on(signal, nothingToDrain);
  for (const signal of [...verbSignals, ...ignoredSignals]) process.on(signal, () => {});
}

function nothingToDrain(): void {
  process.exit(exitCodes.ok);
}

/**
 * @param secondSignalMs a stop signal within this time after the first one is the same one: one Ctrl-C under npm
 *   arrives twice
 */
export function obeySignals(verbs: SignalVerbs, secondSignalMs: number): void {
  let firstMs: number | undefined;
  const onStop = (signal: string): void => {
    if (firstMs === undefined) {
      firstMs = monotonicMs();
      verbs.stop(signal);
    } else if (monotonicMs() - firstMs >= secondSignalMs) {
      verbs.force(`second ${signal}`);
    }
  };
  for (const signal of stopSignals) process.on(signal, onStop).off(signal, nothingToDrain);
  process.on('SIGHUP', () => {
    if (terminalIsGone()) onStop('SIGHUP of a closed terminal');
    else verbs.reload();
  });
  process.on('SIGTTIN', () => verbs.resize(1));
  process.on('SIGTTOU', () => verbs.resize(-1));
}

/** SIGHUP has two senses: of a terminal that was closed, a server started by hand should not survive it. */
function terminalIsGone(): boolean {
  return process.stdout.isTTY && !isatty(process.stdout.fd);
}
