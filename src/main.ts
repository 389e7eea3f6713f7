#!/usr/bin/env node
// The entry of every process: command line, or on to server/process.ts. The only reader of the environment
// and the command line.
import cluster from 'node:cluster';
import { quietInBackground } from './background-quiet.js';
import { serverMark } from './server-mark.js';
import { serviceVariables } from './service-manager.js';
import { ignoredSignals, stopSignals, verbSignals } from './signal-names.js';
import { nameSources } from './source-maps.js';

const isServerProcess = cluster.isWorker && process.env[serverMark] !== undefined;
delete process.env[serverMark];

// A signal to the whole process group (Ctrl-C) reaches server processes too. The primary speaks to them. First of all:
// until here a signal would end this process, and a reload with it.
if (isServerProcess)
  for (const signal of [...stopSignals, ...verbSignals, ...ignoredSignals]) process.on(signal, () => {});

// A reader of our output that has left (`npm start | head`) must not take the cluster down.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', () => {});
  if (stream.isTTY) quietInBackground(stream);
}

nameSources();

if (isServerProcess) {
  const { runServerProcess } = await import('./server/process.js');
  runServerProcess();
} else {
  const { run } = await import('./cli/run.js');
  const env = { ...process.env };
  for (const variable of serviceVariables) delete process.env[variable];
  process.exit(await run(process.argv.slice(2), env));
}
