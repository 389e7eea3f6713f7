// Memory and open file descriptors of the cluster over time, and whether they grow.
import { readdirSync } from 'node:fs';
import { residentMb } from '../process-tree.js';

/** @typedef {'primaryMb' | 'serverMb' | 'primaryFds' | 'serverFds'} Figure */
/** @typedef {Record<Figure | 'minutes' | 'processes', number>} Row */

export class Samples {
  #server;
  #startedMs = performance.now();
  /** @type {Row[]} */
  #rows = [];

  /** @param {import('../servers.js').Server} server */
  constructor(server) {
    this.#server = server;
  }

  take() {
    const pids = this.#server.processes();
    const [primary, ...servers] = pids.flatMap(figures);
    if (primary?.pid !== this.#server.pid || servers.length === 0) return;
    this.#rows.push({
      minutes: (performance.now() - this.#startedMs) / 60_000,
      processes: servers.length,
      primaryMb: primary.mb,
      serverMb: mean(servers.map(({ mb }) => mb)),
      primaryFds: primary.fds,
      serverFds: mean(servers.map(({ fds }) => fds)),
    });
  }

  /** @param {import('./traffic.js').Counts} counts @param {readonly import('./abuse.js').Abuse[]} events */
  line({ requests, refused, left, lostToDeaths, unexplained }, events) {
    const row = this.#rows.at(-1);
    if (row === undefined) return 'nothing was seen yet';
    const { minutes, processes, primaryMb, serverMb, primaryFds, serverFds } = row;
    const losses = [...unexplained.values()].reduce((sum, count) => sum + count, 0);
    return [
      `${minutes.toFixed(1)} min`,
      `${requests} requests (${refused} refused, ${left} left, ${lostToDeaths} lost to deaths, ${losses} unexplained)`,
      `${events.length} events, last ${events.at(-1)?.type ?? '-'}`,
      `${processes} processes, ${primaryMb.toFixed(0)} + ${serverMb.toFixed(0)} MiB each, ${primaryFds} + ${serverFds.toFixed(0)} descriptors`,
    ].join(' · ');
  }

  /**
   * How much a figure grew per minute: the slope of the line that fits best, without the first third.
   * @param {Figure} figure
   */
  slope(figure) {
    const rows = this.#rows.slice(Math.floor(this.#rows.length / 3));
    const x = mean(rows.map(({ minutes }) => minutes));
    const y = mean(rows.map((row) => row[figure]));
    const above = rows.reduce((sum, row) => sum + (row.minutes - x) * (row[figure] - y), 0);
    const below = rows.reduce((sum, row) => sum + (row.minutes - x) ** 2, 0);
    return below === 0 ? 0 : above / below;
  }
}

/** None of a process that went while it was looked at. @param {number} pid */
function figures(pid) {
  try {
    return [{ pid, mb: residentMb(pid), fds: readdirSync(`/proc/${pid}/fd`).length }];
  } catch {
    return [];
  }
}

/** @param {readonly number[]} numbers */
function mean(numbers) {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
