// The one logger: pino, JSON lines, pretty where stdout is a terminal. How they get out is log-output.ts.
import { type Logger, pino, stdTimeFunctions } from 'pino';
import { createLineOutput, type LineOutput } from './log-output.js';

export type { Logger } from 'pino';

/** Where the lines of this process go, as there is one standard output in it. */
export const logOutput: LineOutput = process.stdout.isTTY ? await terminalOutput() : plainOutput();

// What was gathered and not written yet.
process.once('exit', () => logOutput.write(''));

type Bindings = Readonly<Record<string, unknown>>;

/**
 * @param level a pino level or `silent`
 * @param bindings fields of every line, such as `{ process: 'primary' }`
 */
export function createLogger(level: string, bindings: Bindings): Logger {
  // Not pino's own destination: where the reader of our output has left, its last flush tries for ever (sonic-boom 4.2).
  return loggerTo(logOutput, level, bindings);
}

/**
 * One for a line a request: several leave with one system call, and wake whoever copies them once. A process that is
 * killed takes those of its last 20 ms along.
 */
export function createRequestLogger(level: string, bindings: Bindings): Logger {
  return loggerTo({ write: logOutput.gather }, level, bindings);
}

function loggerTo(destination: { write(line: string): void }, level: string, bindings: Bindings): Logger {
  return pino({ level, base: bindings, timestamp: stdTimeFunctions.isoTime }, destination);
}

function plainOutput(): LineOutput {
  return createLineOutput(process.stdout, { notice });
}

async function terminalOutput(): Promise<LineOutput> {
  // Loaded where somebody looks on: in production it would only make each process's start longer.
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({ ignore: 'process', singleLine: true });
  waitForNoTerminal();
  const output = createLineOutput(process.stdout, { notice: (dropped) => pretty(notice(dropped)) });
  return {
    ...output,
    write(lines) {
      const text = typeof lines === 'string' ? lines : new TextDecoder().decode(lines);
      for (const line of text.split('\n')) if (line !== '') output.write(pretty(line));
    },
    gather: (line) => output.gather(pretty(line)),
  };
}

/**
 * Node writes to a terminal and waits: one that was stopped (Ctrl-S) would stop the server with it. The handle is not
 * documented; it is the same from Node 20 to 26, and without it all is as Node does it.
 */
function waitForNoTerminal(): void {
  const handle: unknown = Reflect.get(process.stdout, '_handle');
  if (typeof handle !== 'object' || handle === null) return;
  const setBlocking: unknown = Reflect.get(handle, 'setBlocking');
  if (typeof setBlocking === 'function') Reflect.apply(setBlocking, handle, [false]);
}

const warn = 40;

function notice(dropped: number): string {
  const line = {
    level: warn,
    time: new Date().toISOString(),
    pid: process.pid,
    dropped,
    msg: 'log lines were dropped: nobody read them in time',
  };
  return `${JSON.stringify(line)}\n`;
}
