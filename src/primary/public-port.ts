// The public port, or the socket file in its place, which is the primary's for its whole life: it stays open when all
// server processes are gone, and who connects meanwhile waits. (The round robin of Node's cluster module lives only as
// long as a process listens, and throws away its backlog when it ends.) Who gets a connection is handover.ts.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { type Config, ConfigError } from '../config.js';
import { socketPathOf, unixHost } from '../host.js';
import { backlog, emptyBacklog } from '../http/backlog.js';
import { acceptHandles, bindHandle, type SocketHandle } from '../socket-handle.js';
import { type AddressNames, listenAt } from './address.js';
import type { Handover } from './handover.js';
import { makeSocketFile, type SocketFile } from './socket-file.js';

export interface PublicPort {
  readonly host: string;
  /** For 0 the free one that was found; undefined: HOST is a socket file. */
  readonly port: number | undefined;
  /** The socket for server processes that are to accept by themselves. It is not listened at here. */
  readonly shared: SocketHandle | undefined;
  readonly handover: Handover;
  /** Accepts who stands in the backlog, then closes the port. Resolves when the server processes have them all. */
  close(timeoutMs: number): Promise<void>;
}

type Address = Pick<Config, 'host' | 'port' | 'socketMode'>;

const names: AddressNames = { host: 'HOST', port: 'PORT' };

/**
 * @param isShared the kernel spreads connections over the server processes (NODE_CLUSTER_SCHED_POLICY=none); otherwise
 *   they are handed over
 * @param inherited the descriptor of a socket that listens already: then `address` says nothing
 * @throws ConfigError with one line that names the variable
 */
export async function openPublicPort(
  address: Address,
  handover: Handover,
  isShared: boolean,
  inherited?: number,
): Promise<PublicPort> {
  // Node can share a listening socket among processes only if it has a port, and is its own.
  if (inherited === undefined && isShared && socketPathOf(address.host) === undefined)
    return sharedPort(address, handover);
  const { server, host, port, file } =
    inherited === undefined ? await listening(address) : await inheritedSocket(inherited);
  let accepted = 0;
  acceptHandles(server, (connection) => {
    accepted++;
    handover.offer(connection);
  });
  return {
    host,
    port,
    shared: undefined,
    handover,
    async close(timeoutMs) {
      // From here on nobody can come: so nobody stands in the backlog when it is closed.
      file?.remove();
      await emptyBacklog(() => accepted);
      server.close();
      await handover.finish(timeoutMs);
    },
  };
}

interface Listening {
  readonly server: Server;
  readonly host: string;
  readonly port?: number;
  readonly file?: SocketFile;
}

async function listening({ host, port, socketMode }: Address): Promise<Listening> {
  const server = createServer();
  const path = socketPathOf(host);
  if (path === undefined) return { server, host, port: await listenAt(server, host, port, names) };
  const file = await makeSocketFile(path, socketMode, async (at) => {
    server.listen({ path: at, backlog });
    await once(server, 'listening');
  });
  return { server, host, file };
}

async function sharedPort({ host, port }: Address, handover: Handover): Promise<PublicPort> {
  const server = createServer();
  const found = await listenAt(server, host, port, names);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no address.');
  // In the same turn, so that nobody else takes it.
  server.close();
  const shared = bindHandle(address);
  return { host, port: found, shared, handover, close: async () => shared.close() };
}

/** One that a service manager has opened. It stays open there, so that who connects during a restart waits. */
async function inheritedSocket(fd: number): Promise<Listening> {
  const server = createServer();
  try {
    server.listen({ fd });
    await once(server, 'listening');
  } catch (cause) {
    throw new ConfigError(`LISTEN_FDS must tell of a listening socket, but descriptor ${fd} is none`, {
      cause,
    });
  }
  const address = server.address();
  if (address === null) throw new Error('The server has no address.');
  if (typeof address === 'string') return { server, host: unixHost(address) };
  return { server, host: address.address, port: address.port };
}
