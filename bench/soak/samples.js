// Memory and open file descriptors of the cluster over time, and whether they grow.
import { readdirSync } from 'node:fs';
import { residentMb } from '../process-tree.js';

export class Samples {
  #server;
  #startedMs = performance.now();
  #rows = [];

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

  line({ requests, refused, left, lostToDeaths, unexplained }, events) {
    const { minutes, processes, primaryMb, serverMb, primaryFds, serverFds } = this.#rows.at(-1);
    const losses = [...unexplained.values()].reduce((sum, count) => sum + count, 0);
    return [
      `${minutes.toFixed(1)} min`,
      `${requests} requests (${refused} refused, ${left} left, ${lostToDeaths} lost to deaths, ${losses} unexplained)`,
      `${events.length} events, last ${events.at(-1)?.type ?? '-'}`,
      `${processes} processes, ${primaryMb.toFixed(0)} + ${serverMb.toFixed(0)} MiB each, ${primaryFds} + ${serverFds.toFixed(0)} descriptors`,
    ].join(' · ');
  }

  /** How much a figure grew per minute: the slope of the line that fits best, without the first third. */
  slope(figure) {
    const rows = this.#rows.slice(Math.floor(this.#rows.length / 3));
    const x = mean(rows.map(({ minutes }) => minutes));
    const y = mean(rows.map((row) => row[figure]));
    const above = rows.reduce((sum, row) => sum + (row.minutes - x) * (row[figure] - y), 0);
    const below = rows.reduce((sum, row) => sum + (row.minutes - x) ** 2, 0);
    return below === 0 ? 0 : above / below;
  }
}

/** None of a process that went while it was looked at. */
function figures(pid) {
  try {
    return [{ pid, mb: residentMb(pid), fds: readdirSync(`/proc/${pid}/fd`).length }];
  } catch {
    return [];
  }
}

function mean(numbers) {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
