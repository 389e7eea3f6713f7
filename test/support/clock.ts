// A clock that can be set back while processes run: NODE_OPTIONS for them, and a signal that sets it back by an hour.
import type { Cluster } from './cluster.js';

const clock = `
const Real = Date;
let backMs = 0;
globalThis.Date = class Date extends Real {
  constructor(...given) {
    if (given.length > 0) super(...given);
    else super(Real.now() - backMs);
  }
  static now() {
    return Real.now() - backMs;
  }
};
process.on('SIGUSR2', () => {
  backMs = 3_600_000;
});`;

export const settableClock = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(clock)}` };

/** The wall clock alone, of the primary and its server processes. Done once a signal has reached each. */
export function setBackAnHour(cluster: Cluster): void {
  for (const pid of [cluster.pid, ...cluster.serverPids()]) process.kill(pid, 'SIGUSR2');
}
