// Keeps a background job quiet on a terminal that lets none write (`stty tostop`). Where it writes all the same the
// kernel sends SIGTTOU, and since that has a listener here (it means one server process fewer), begins the write anew,
// for ever: a busy loop that hears no other signal. So whether it may write is asked before each write.
//
// Linux only: elsewhere nothing says cheaply who is in the foreground.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { WriteStream } from 'node:tty';
import { monotonicMs } from './clock.js';

/** For how long the terminal's setting is believed. Asking takes some milliseconds, in the background alone. */
const believedMs = 1_000;

export function quietInBackground(terminal: WriteStream & { readonly fd: number }): void {
  const write = terminal.write.bind(terminal);
  const stops = believed(() => stopsBackground(terminal.fd));
  let heldBack = 0;
  terminal.write = (...args: unknown[]): boolean => {
    if (isInBackground() && stops()) {
      heldBack++;
      const written = args.at(-1);
      if (typeof written === 'function') process.nextTick(() => written());
      return true;
    }
    if (heldBack > 0) write(`millrace: ${heldBack} writes were held back in the background (stty tostop)\n`);
    heldBack = 0;
    return Reflect.apply(write, terminal, args);
  };
}

/** Field 5 of proc_pid_stat(5) is the process group, field 8 that of the terminal's foreground, if it has one. */
function isInBackground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(foreground) > 0 && foreground !== group;
  } catch {
    return false;
  }
}

function stopsBackground(fd: number): boolean {
  const { stdout } = spawnSync('stty', ['-a'], { stdio: [fd, 'pipe', 'ignore'], encoding: 'latin1' });
  return /(?<!-)\btostop\b/.test(stdout ?? '');
}

function believed(ask: () => boolean): () => boolean {
  let answer = false;
  let untilMs = 0;
  return () => {
    if (monotonicMs() < untilMs) return answer;
    answer = ask();
    untilMs = monotonicMs() + believedMs;
    return answer;
  };
}
