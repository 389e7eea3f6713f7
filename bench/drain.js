// How fast jobs that wait already are done, and how full the cores are meanwhile: the same for every queue.
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const lookEveryMs = 50;
/** The last ones do not fill the cores any more. */
const restShare = 0.05;
const patienceMs = 60_000;

/**
 * @param {() => Promise<number>} left how many jobs have not ended yet
 * @param {{ warmMs: number, durationMs: number }} times from the first job's end on
 * @param {() => number} [readMs] a clock of CPU time, read at both ends
 */
export async function drain(left, { warmMs, durationMs }, readMs = () => Number.NaN) {
  const all = await left();
  const giveUpMs = performance.now() + patienceMs;
  const look = async () => {
    if (performance.now() > giveUpMs) throw new Error(`${await left()} of ${all} jobs have not ended`);
    await delay(lookEveryMs);
    return left();
  };
  while ((await look()) >= all);
  const warmUntilMs = performance.now() + warmMs;
  let rest = all;
  while (performance.now() < warmUntilMs && rest > all / 2) rest = await look();
  const from = { rest, atMs: performance.now(), usedMs: readMs(), cores: coreTimes() };
  const untilMs = from.atMs + durationMs;
  while (performance.now() < untilMs && rest > all * restShare) rest = await look();
  const jobs = from.rest - rest;
  const cores = coreTimes();
  return {
    perSecond: (jobs * 1_000) / (performance.now() - from.atMs),
    usedUs: ((readMs() - from.usedMs) * 1_000) / jobs,
    busyPercent: 100 * (1 - (cores.idle - from.cores.idle) / (cores.all - from.cores.all)),
  };
}

/** Of the whole machine, in ms. */
function coreTimes() {
  const times = cpus().map((core) => core.times);
  const idle = times.reduce((sum, one) => sum + one.idle, 0);
  const all = times.reduce(
    (sum, { user, nice, sys, idle: rest, irq }) => sum + user + nice + sys + rest + irq,
    0,
  );
  return { idle, all };
}
