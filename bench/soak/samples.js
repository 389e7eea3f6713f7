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
    const memory = pids.map((pid) => measured(() => residentMb(pid)));
    const descriptors = pids.map((pid) => measured(() => readdirSync(`/proc/${pid}/fd`).length));
    this.#rows.push({
      minutes: (performance.now() - this.#startedMs) / 60_000,
      processes: pids.length - 1,
      primaryMb: memory[0],
      serverMb: mean(memory.slice(1)),
      primaryFds: descriptors[0],
      serverFds: mean(descriptors.slice(1)),
    });
  }

  line({ requests, refused, left, lostToKills, unexplained }, events) {
    const { minutes, processes, primaryMb, serverMb, primaryFds, serverFds } = this.#rows.at(-1);
    const losses = [...unexplained.values()].reduce((sum, count) => sum + count, 0);
    return [
      `${minutes.toFixed(1)} min`,
      `${requests} requests (${refused} refused, ${left} left, ${lostToKills} lost to kills, ${losses} unexplained)`,
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

/** Processes come and go while they are looked at. */
function measured(read) {
  try {
    return read();
  } catch {
    return 0;
  }
}

function mean(numbers) {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
