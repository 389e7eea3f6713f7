// For programs that cannot be told to find one by themselves.
import { once } from 'node:events';
import { createServer } from 'node:net';

/** One that nobody has now. Whoever it is for takes it at once. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
