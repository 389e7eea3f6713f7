// `npm run demo -- --seconds 60`: the server, a light-route prober and a bounded CPU load, each a process of its own,
// and the dashboard to watch them. Ends with what the prober saw, idle and under load. It is a show: the figures that
// are published come from the bench.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { environmentWith } from './environment.js';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });
const seconds = Number(values.seconds);
if (!(seconds >= 6 && seconds <= 86_400)) {
  console.error(`--seconds must be a number from 6 to 86400, not "${values.seconds}"`);
  process.exit(78);
}
const idleSeconds = Math.min(20, seconds / 3);
const loadSeconds = seconds - idleSeconds;

/** A server that does not listen by then never will. */
const startDeadlineMs = 60_000;

const stopped = new AbortController();
// A terminal's Ctrl-C reaches the children by itself, too: each of them stops on it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopped.abort());

const server = spawn(process.execPath, [file('../dist/src/main.js')], {
  env: environmentWith({ PORT: '0', ADMIN_PORT: '0' }),
  stdio: ['ignore', 'pipe', 'inherit'],
});
/** @type {import('node:child_process').ChildProcess[]} */
const helpers = [];
try {
  await run();
} finally {
  for (const helper of helpers) helper.kill();
  server.kill('SIGTERM');
  if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
}

async function run() {
  const listening = await listeningLine();
  if (listening === undefined) {
    process.exitCode = 1;
    return console.error(`The server ended, or did not listen within ${startDeadlineMs / 1_000} s.`);
  }
  const { url, adminUrl, serverProcesses, threadsPerProcess } = listening;
  console.log(`\n  Dashboard   ${adminUrl ?? 'off'}`);
  console.log(
    `  Server      ${url}, ${serverProcesses} processes with up to ${threadsPerProcess} threads each\n`,
  );

  const prober = start('prober', url);
  const idle = await phase(`${idleSeconds.toFixed(0)} s idle: only the prober asks`, prober, idleSeconds);
  const load = start('load', url);
  const busy = await phase(`${loadSeconds.toFixed(0)} s with every thread computing`, prober, loadSeconds);
  const done = await ask(load);
  print(idle, busy, done);
}

/** @typedef {{ latencies: number[], calls: number, failed: number, seconds: number }} Counted what a helper told; 0 where it does not count */

/**
 * The prober's latencies in ms, sorted, and how many requests failed.
 * @param {string} title @param {import('node:child_process').ChildProcess} prober @param {number} seconds
 */
async function phase(title, prober, seconds) {
  if (stopped.signal.aborted) return { latencies: [], failed: 0 };
  console.log(`  ${title} …`);
  await ask(prober);
  await delay(seconds * 1_000, undefined, { signal: stopped.signal }).catch(() => undefined);
  const { latencies, failed } = await ask(prober);
  return { latencies: latencies.sort((a, b) => a - b), failed };
}

/** @typedef {Pick<Counted, 'latencies' | 'failed'>} Probed */

/** @param {Probed} idle @param {Probed} busy @param {Counted} load */
function print(idle, busy, { calls, seconds: loadedSeconds, failed: failedCalls }) {
  const ms = (/** @type {number | undefined} */ value) =>
    value === undefined ? '–' : `${value.toFixed(2)} ms`;
  const row = (/** @type {string} */ name, /** @type {Probed} */ { latencies, failed }) => ({
    '': name,
    answered: latencies.length,
    failed,
    p50: ms(percentile(latencies, 0.5)),
    p99: ms(percentile(latencies, 0.99)),
  });
  console.log('\n  Light route, GET /');
  table([row('idle', idle), row('under CPU load', busy)]);
  const perSecond = loadedSeconds > 0 ? calls / loadedSeconds : 0;
  console.log(`\n  CPU load: ${calls} calls, ${perSecond.toFixed(1)} a second, ${failedCalls} failed\n`);
}

/** @param {Record<string, string | number>[]} rows */
function table(rows) {
  const names = Object.keys(rows[0] ?? {});
  const widths = names.map((name) => Math.max(name.length, ...rows.map((row) => String(row[name]).length)));
  const line = (/** @type {string[]} */ cells) =>
    console.log(
      `    ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('   ')}`,
    );
  line(names);
  for (const row of rows) line(names.map((name) => String(row[name])));
}

/** @param {number[]} sorted @param {number} share */
function percentile(sorted, share) {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** @param {string} name @param {string} url */
function start(name, url) {
  const child = fork(file(`demo/${name}.js`), [url], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  helpers.push(child);
  return child;
}

/**
 * What it counted since it was asked last.
 * @param {import('node:child_process').ChildProcess} child @returns {Promise<Counted>}
 */
async function ask(child) {
  const nothing = { latencies: [], calls: 0, failed: 0, seconds: 0 };
  if (!child.connected) return nothing;
  const answered = once(child, 'message').then(([message]) => message);
  const left = once(child, 'exit').then(() => nothing);
  child.send('report');
  return Promise.race([answered, left]);
}

/**
 * The log line that says where it listens, or undefined where it ends without one, or says nothing for too long.
 * @returns {Promise<{ url: string, adminUrl?: string, serverProcesses: number, threadsPerProcess: number } | undefined>}
 */
function listeningLine() {
  const lines = createInterface({ input: server.stdout });
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), startDeadlineMs).unref();
    server.once('exit', () => resolve(undefined));
    lines.on('line', (text) => {
      if (!text.startsWith('{')) return;
      const line = JSON.parse(text);
      if (line.level >= 50) console.error(text);
      if (line.msg === 'listening') resolve(line);
    });
  });
}

/** @param {string} path */
function file(path) {
  return fileURLToPath(new URL(path, import.meta.url));
}
