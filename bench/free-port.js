// A TCP port of loopback that nobody has, for whoever must be told one. Whoever it is for takes it at once.
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below those that Linux gives to clients: who asks such a one again and again until somebody listens is given it himself
 * in the end, and connected to himself; and a process that finds a port by itself finds none of these.
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) return port;
  }
}

/** @param {number} port */
export async function isFree(port) {
  const server = createServer().listen(port, '127.0.0.1');
  const is = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (!is) return false;
  server.close();
  await once(server, 'close');
  return true;
}
