// What is done to the server during the soak, in rounds: reloads, one process more and fewer, a stall that it should
// survive, and three deaths: killed, aborted by a task, and frozen until the heartbeat notices.
import { setTimeout as delay } from 'node:timers/promises';

/** @typedef {'reload' | 'kill' | 'more' | 'fewer' | 'stall' | 'abort' | 'freeze'} Kind */
/** @typedef {{ type: Kind }} Abuse */
/** @typedef {import('../servers.js').Server} Server */
/** @typedef {(line: import('../servers.js').LogLine) => boolean} IsIt whether a line tells of an expected death */

/** @type {readonly (Abuse & { afterMs: number })[]} */
const round = [
  { afterMs: 8_000, type: 'reload' },
  { afterMs: 14_000, type: 'kill' },
  { afterMs: 12_000, type: 'more' },
  { afterMs: 8_000, type: 'fewer' },
  { afterMs: 10_000, type: 'reload' },
  { afterMs: 10_000, type: 'stall' },
  { afterMs: 10_000, type: 'abort' },
  { afterMs: 12_000, type: 'reload' },
  { afterMs: 10_000, type: 'freeze' },
  { afterMs: 16_000, type: 'reload' },
];

/** To the primary. @type {Partial<Record<Kind, NodeJS.Signals>>} */
const signals = { reload: 'SIGHUP', more: 'SIGTTIN', fewer: 'SIGTTOU' };
/** To a server process. @type {Partial<Record<Kind, NodeJS.Signals>>} */
const fatal = { kill: 'SIGKILL', freeze: 'SIGSTOP' };
/** Shorter than the heartbeat: it goes on as if nothing had been. */
const stallMs = 2_000;

/**
 * @param {Server} server
 * @param {Abuse[]} events gets what was done
 * @param {{ atMs: number }[]} deaths gets those of server processes that follow from it
 * @param {AbortSignal} over
 */
export async function abuse(server, events, deaths, over) {
  const expect = expectDeaths(server, deaths);
  while (!over.aborted) {
    for (const { afterMs, type } of round) {
      if (!(await slept(afterMs, over))) return;
      act(server, type, expect);
      events.push({ type });
    }
  }
}

/** @param {Server} server @param {Kind} type @param {(isIt: IsIt) => void} expect */
function act(server, type, expect) {
  const pid = anyServerProcess(server);
  const signal = signals[type];
  if (signal !== undefined) send(server.pid, signal);
  else if (type === 'abort') {
    expect(({ signal }) => signal === 'SIGABRT');
    fetch(`${server.url}/abort`, { method: 'POST', headers: json, body: '{}' }).catch(() => undefined);
  } else if (type === 'stall') {
    send(pid, 'SIGSTOP');
    setTimeout(() => send(pid, 'SIGCONT'), stallMs);
  } else {
    expect(({ serverPid }) => serverPid === pid);
    send(pid, fatal[type]);
  }
}

const json = { 'content-type': 'application/json' };

/**
 * One reader of the log for all of them: others that die are no deaths of ours.
 * @param {Server} server @param {{ atMs: number }[]} deaths
 */
function expectDeaths(server, deaths) {
  /** @type {Set<IsIt>} */
  const expected = new Set();
  /** @type {IsIt} */
  const read = (line) => {
    if (!String(line.msg).startsWith('server process exited')) return false;
    const found = [...expected].find((isIt) => isIt(line));
    if (found !== undefined && expected.delete(found)) deaths.push({ atMs: performance.now() });
    return false;
  };
  // It never says what ends this, so it hears every line. In the end the server leaves.
  server.said(read).catch(() => {});
  return (/** @type {IsIt} */ isIt) => void expected.add(isIt);
}

/** @param {Server} server */
function anyServerProcess(server) {
  const [, ...pids] = server.processes();
  return pids[Math.floor(Math.random() * pids.length)];
}

/**
 * Nothing where it has gone meanwhile.
 * @param {number | undefined} pid @param {NodeJS.Signals | undefined} signal
 */
function send(pid, signal) {
  try {
    if (pid !== undefined && signal !== undefined) process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** @param {number} ms @param {AbortSignal} signal */
async function slept(ms, signal) {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
