// The peers' piscina, with piscina's defaults. One of them ends a thread above the minimum as soon as it has nothing
// to do for a moment (idleTimeout: 0); IDLE_TIMEOUT_MS keeps it.
import { Piscina } from 'piscina';

const filename = new URL('./piscina-task.js', import.meta.url).href;
const idleTimeout = process.env.IDLE_TIMEOUT_MS;

export function createPool() {
  return new Piscina({ filename, ...(idleTimeout !== undefined && { idleTimeout: Number(idleTimeout) }) });
}
