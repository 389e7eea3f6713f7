// For programs that cannot be told to find one by themselves.
import { once } from 'node:events';
import { createServer } from 'node:net';

/** One that nobody has now. Whoever it is for takes it at once. */
export const freePort = (): Promise<number> => takenOnce(0);

/**
 * One of two neighbours that nobody has now, the first. Outside of those that Linux gives to who asks for any: a process
 * that takes the first must not be given the second as its own.
 */
export async function freeNeighbours(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    try {
      await takenOnce(port);
      await takenOnce(port + 1);
      return port;
    } catch {
      // Somebody has one of them.
    }
  }
}

async function takenOnce(wanted: number): Promise<number> {
  const server = createServer().listen(wanted, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
