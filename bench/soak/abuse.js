// What is done to the server during the soak, in rounds: reloads, one process more and fewer, and one killed. A round
// is longer than the minute of health after which a death is a first one again, so that each is replaced at once.
import { setTimeout as delay } from 'node:timers/promises';

const round = [
  { afterMs: 8_000, type: 'reload' },
  { afterMs: 14_000, type: 'kill' },
  { afterMs: 12_000, type: 'more' },
  { afterMs: 8_000, type: 'fewer' },
  { afterMs: 10_000, type: 'reload' },
  { afterMs: 10_000, type: 'stall' },
  { afterMs: 16_000, type: 'reload' },
];

const signals = { reload: 'SIGHUP', more: 'SIGTTIN', fewer: 'SIGTTOU' };

/** @param {{ type: string, atMs: number }[]} events gets what was done */
export async function abuse(server, events, over) {
  while (!over.aborted) {
    for (const { afterMs, type } of round) {
      if (!(await slept(afterMs, over))) return;
      act(server, type);
      events.push({ type, atMs: performance.now() });
    }
  }
}

function act(server, type) {
  if (type === 'kill') process.kill(anyServerProcess(server), 'SIGKILL');
  else if (type === 'stall') stall(anyServerProcess(server));
  else process.kill(server.pid, signals[type]);
}

/** Shorter than the heartbeat: it goes on as if nothing had been. */
function stall(pid) {
  process.kill(pid, 'SIGSTOP');
  setTimeout(() => process.kill(pid, 'SIGCONT'), 2_000);
}

function anyServerProcess(server) {
  const [, ...pids] = server.processes();
  return pids[Math.floor(Math.random() * pids.length)];
}

async function slept(ms, signal) {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
