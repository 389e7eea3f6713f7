// For programs that cannot be told to find one by themselves, and need its neighbour, too.
import { freePort, isFree } from '../../bench/free-port.js';

/** One of two neighbours that nobody has now, the first. */
export async function freeNeighbours(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (await isFree(port + 1)) return port;
  }
}
