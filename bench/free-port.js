// A TCP port of loopback that nobody has, for whoever must be told one.
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below those that Linux gives to clients: who asks such a one again and again until somebody listens is given it himself
 * in the end, and connected to himself.
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    server.listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
