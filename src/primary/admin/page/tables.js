// The two tables: server processes, and calls by task.
import { byId, element } from './dom.js';
import { count, cpu, duration, memory, rate, uptime } from './format.js';

/** Beyond this many, threads are told by number alone. */
const drawnThreads = 12;

/** @param {object[]} servers as in /status, and with slot and losses */
export function drawServers(servers) {
  const rows = [...servers].sort((a, b) => a.slot - b.slot || b.uptimeMs - a.uptimeMs).map(serverRow);
  byId('servers')
    .querySelector('tbody')
    .replaceChildren(...rows);
}

function serverRow(server) {
  const { slot, pid, state, losses, uptimeMs, eventLoopDelayMs, threads, queue } = server;
  const dead = state === 'dead';
  const known = (text) => (dead || state === 'starting' ? '–' : text);
  return element(
    'tr',
    { 'data-state': state },
    element('th', { scope: 'row' }, `server ${slot}`),
    cell('state', element('span', { class: 'pill', 'data-state': state }, state)),
    number('pid', String(pid)),
    number('uptime', dead ? '–' : uptime(uptimeMs)),
    number('restarts', count(losses)),
    number('CPU', known(cpu(server.cpuCores))),
    number('memory', known(memory(server.memoryBytes))),
    number('loop delay p50', known(duration(eventLoopDelayMs.p50))),
    number('loop delay p99', known(duration(eventLoopDelayMs.p99))),
    cell('threads', threadsOf(threads)),
    cell('queue', queueOf(queue)),
  );
}

function threadsOf({ busy, idle, max }) {
  const drawn = max <= drawnThreads;
  // The boxes tell how many there may be.
  const most = element('span', drawn ? { class: 'unseen' } : {}, `, ${max} max`);
  const text = element('span', { class: 'text' }, `${busy} busy, ${idle} idle`, most);
  const boxes = element('span', { class: 'threads', 'aria-hidden': 'true' });
  for (let i = 0; drawn && i < max; i++) {
    boxes.append(element('i', { class: i < busy ? 'busy' : i < busy + idle ? 'idle' : 'absent' }));
  }
  return element('span', { class: 'both' }, boxes, text);
}

function queueOf({ waiting, limit }) {
  return element(
    'span',
    { class: 'both' },
    bar(limit === 0 ? 0 : waiting / limit),
    element('span', { class: 'text' }, `${count(waiting)} of ${count(limit)}`),
  );
}

export function createTaskTable() {
  let before;

  return {
    /** For counts that begin anew. */
    forget() {
      before = undefined;
    },
    /**
     * @param {Record<string, Record<string, number>>} totals
     * @param {Record<string, { thread: object | null, inline: object | null }>} latencyMs of the last minute
     * @param {number} atMs
     */
    draw(totals, latencyMs, atMs) {
      const section = byId('tasks');
      // A map: a task may be named as what every object has (constructor).
      const byTask = new Map(Object.entries(totals));
      const tasks = [...byTask].sort(([a], [b]) => a.localeCompare(b));
      section.classList.toggle('is-empty', tasks.length === 0);
      const rows = tasks.map(([task, counts]) => {
        const last = before?.byTask.get(task);
        const seconds = before === undefined ? 0 : (atMs - before.atMs) / 1_000;
        const perSecond = last === undefined || seconds <= 0 ? null : (ended(counts) - ended(last)) / seconds;
        return taskRow(task, counts, latencyMs[task], perSecond === null ? null : Math.max(0, perSecond));
      });
      section.querySelector('tbody').replaceChildren(...rows);
      before = { byTask, atMs };
    },
  };
}

function ended({ completed, shared = 0, failed, refused, expired, cancelled }) {
  return completed + shared + failed + refused + expired + cancelled;
}

function taskRow(task, counts, { thread, inline }, perSecond) {
  const outcome = (name, tone) => {
    const value = counts[name];
    return number(name, count(value), value === 0 ? 'zero' : tone);
  };
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, task),
    number('calls/s', rate(perSecond)),
    number('thread p50', duration(thread?.p50)),
    number('thread p99', duration(thread?.p99)),
    number('inline p99', duration(inline?.p99)),
    outcome('completed', ''),
    outcome('failed', 'bad'),
    outcome('refused', 'warn'),
    outcome('expired', 'warn'),
    outcome('cancelled', ''),
    cell('lane', lanesOf(counts)),
  );
}

function lanesOf({ inline, thread, shared = 0 }) {
  const all = inline + thread;
  if (all === 0) return element('span', { class: 'text zero' }, 'none ran yet');
  const rest = shared > 0 ? `, ${count(shared)} shared` : '';
  const text = `${count(inline)} inline, ${count(thread)} thread${rest}`;
  return element('span', { class: 'both' }, bar(thread / all), element('span', { class: 'text' }, text));
}

function bar(share) {
  const filled = element('i', {});
  filled.style.width = `${Math.min(100, share * 100)}%`;
  return element('span', { class: 'bar', 'aria-hidden': 'true' }, filled);
}

function number(label, text, tone = '') {
  return element('td', { class: `number ${tone}`, 'data-label': label }, text);
}

function cell(label, child) {
  return element('td', { 'data-label': label }, child);
}
