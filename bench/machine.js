// What a figure was measured on: kept with every result.
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { primesPerMs } from './calibration.js';

const packages = ['express', 'piscina', 'fastify', 'autocannon'];

export function describeMachine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    primesPerMs,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    packages: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
    date: new Date().toISOString(),
    loadAverageBefore: loadavg().map((load) => Math.round(load * 100) / 100),
  };
}

/** @param {string} name of a package */
function versionOf(name) {
  const url = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')).version;
}
