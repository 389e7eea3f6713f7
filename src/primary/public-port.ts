// The public port, which is the primary's for its whole life: it stays open when all server processes are gone, and who
// connects meanwhile waits. (The round robin of Node's cluster module lives only as long as a process listens, and
// throws away its backlog when it ends.) Who gets a connection is handover.ts.
import { createServer } from 'node:net';
import { emptyBacklog } from '../http/backlog.js';
import { acceptHandles, bindHandle, type SocketHandle } from '../socket-handle.js';
import { type AddressNames, listenAt } from './address.js';
import type { Handover } from './handover.js';

export interface PublicPort {
  /** For 0 the free one that was found. */
  readonly port: number;
  /** The socket for server processes that are to accept by themselves. It is not listened at here. */
  readonly shared: SocketHandle | undefined;
  readonly handover: Handover;
  /** Accepts who stands in the backlog, then closes the port. Resolves when the server processes have them all. */
  close(timeoutMs: number): Promise<void>;
}

const names: AddressNames = { host: 'HOST', port: 'PORT' };

/**
 * @param isShared the kernel spreads connections over the server processes (NODE_CLUSTER_SCHED_POLICY=none); otherwise
 *   they are handed over
 * @throws ConfigError with one line that names the variable
 */
export async function openPublicPort(
  host: string,
  wanted: number,
  handover: Handover,
  isShared: boolean,
): Promise<PublicPort> {
  const server = createServer();
  const port = await listenAt(server, host, wanted, names);
  if (isShared) {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server has no address.');
    // In the same turn, so that nobody else takes it.
    server.close();
    const shared = bindHandle(address);
    return { port, shared, handover, close: async () => shared.close() };
  }
  let accepted = 0;
  acceptHandles(server, (connection) => {
    accepted++;
    handover.offer(connection);
  });
  return {
    port,
    shared: undefined,
    handover,
    async close(timeoutMs) {
      await emptyBacklog(() => accepted);
      server.close();
      await handover.finish(timeoutMs);
    },
  };
}
