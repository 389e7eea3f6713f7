// The dashboard: listens to /events and draws what comes. Everything it knows it was told by the server.
import { byId, setText } from './dom.js';
import { addEvent, describe, drawEvents } from './events.js';
import { count, cpu, memory, uptime } from './format.js';
import { createJobs } from './jobs.js';
import { createNotice } from './notice.js';
import { createPanels } from './panels.js';
import { watchReload } from './reload.js';
import { createTaskTable, drawServers } from './tables.js';

const keptSamples = 300;
const keptEvents = 100;
/** EventSource comes back by itself, but for an answer that was no stream. */
const retryMs = 2_000;

const state = {
  samples: [],
  events: [],
  primaryPid: undefined,
  marks: () =>
    state.events.flatMap((event) => {
      const { tone, marked } = describe(event);
      return marked ? [{ atMs: event.atMs, tone }] : [];
    }),
};
const panels = createPanels(state);
const tasks = createTaskTable();
const notice = createNotice();
const jobs = createJobs(notice);

function onHistory({ samples, events, status, latencyMs, jobs: kept }) {
  // What was seen before stays: after a restart the server itself knows it no more.
  const since = Math.min(samples[0]?.atMs ?? Infinity, events[0]?.atMs ?? Infinity);
  state.samples = [...state.samples.filter(({ atMs }) => atMs < since), ...samples].slice(-keptSamples);
  state.events = [...state.events.filter(({ atMs }) => atMs < since), ...events].slice(-keptEvents);
  drawEvents(state.events);
  jobs.draw(kept);
  panels.draw();
  document.body.dataset.connection = 'live';
  notice.show('');
  byId('reload').disabled = false;
  // A primary that has just come up has not looked yet.
  if (status === null) setState('connected');
  else drawStatus(status, latencyMs, samples.at(-1).atMs);
}

function onSnapshot({ status, latencyMs, jobs: kept, sample }) {
  jobs.draw(kept);
  state.samples.push(sample);
  if (state.samples.length > keptSamples) state.samples.shift();
  panels.draw();
  drawStatus(status, latencyMs, sample.atMs);
}

function onLifecycle(event) {
  state.events.push(event);
  if (state.events.length > keptEvents) state.events.shift();
  addEvent(event);
}

function drawStatus({ primary, servers, totals }, latencyMs, atMs) {
  if (state.primaryPid !== undefined && state.primaryPid !== primary.pid) {
    notice.tell('The server was restarted: counts begin anew.');
    tasks.forget();
  }
  state.primaryPid = primary.pid;
  setState(primary.state);
  setText(byId('uptime'), uptime(primary.uptimeMs));
  setText(byId('restarts'), count(primary.restarts));
  setText(byId('pid'), String(primary.pid));
  setText(byId('primary-load'), `CPU ${cpu(primary.cpuCores)}, ${memory(primary.memoryBytes)}`);
  drawServers(servers);
  tasks.draw(totals, latencyMs, atMs);
}

function setState(name) {
  byId('state').dataset.state = name;
  setText(byId('state'), name);
  document.title = `millrace: ${name}`;
}

function onLost() {
  document.body.dataset.connection = 'lost';
  setState('not connected');
  notice.show('The server does not answer. What you see is from before; trying again every second.');
  byId('reload').disabled = true;
}

function connect() {
  const source = new EventSource('/events');
  const on = (name, handle) => source.addEventListener(name, ({ data }) => handle(JSON.parse(data)));
  on('history', onHistory);
  on('snapshot', onSnapshot);
  on('lifecycle', onLifecycle);
  source.addEventListener('error', () => {
    onLost();
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, retryMs);
  });
}

// Who has no mouse scrolls a box by its focus.
for (const box of document.querySelectorAll('.scroll')) box.tabIndex = 0;
watchReload(notice);
connect();
