// Sockets below node:net: what Node's own cluster module hands from process to process. Its round robin cannot do what
// is needed here (see primary/public-port.ts), and a net.Socket in the primary for every connection costs half of the
// whole hand-over more. So this file, alone, uses what node:net does not document; the same in Node 20, 22, 24 and 26.
import type { ChildProcess, SendHandle } from 'node:child_process';
import * as net from 'node:net';

/** A listening socket, or one connection. Whoever has it closes it, or it stays open as long as the process. */
export interface SocketHandle {
  close(): void;
}

export function isSocketHandle(value: unknown): value is SocketHandle {
  return typeof value === 'object' && value !== null && 'close' in value && typeof value.close === 'function';
}

/** From now on a server that listens gives its connections as handles, nothing of which is read. */
export function acceptHandles(server: net.Server, onConnection: (connection: SocketHandle) => void): void {
  const listening: unknown = Reflect.get(server, '_handle');
  if (!isSocketHandle(listening)) throw new Error('The server does not listen.');
  Object.assign(listening, {
    // What could not be accepted is the kernel's affair: it stays in the backlog, or is gone.
    onconnection(status: number, connection: unknown) {
      if (status === 0 && isSocketHandle(connection)) onConnection(connection);
    },
  });
}

/** Binds, and leaves it to the processes that it is sent to to listen: here nothing is accepted. */
export function bindHandle({ address, port, family }: net.AddressInfo): SocketHandle {
  const create: unknown = Reflect.get(net, '_createServerHandle');
  if (typeof create !== 'function') throw new Error('This Node cannot share a listening socket.');
  const handle: unknown = create(address, port, family === 'IPv6' ? 6 : 4);
  if (isSocketHandle(handle)) return handle;
  throw Object.assign(new Error('bind'), { code: `errno ${String(handle)}` });
}

/** @param sent with an error where the channel took nothing; without one it may still not arrive */
export function sendHandle(
  child: ChildProcess,
  message: object,
  handle: SocketHandle | undefined,
  sent: (error: Error | null) => void,
): void {
  // Handles are sent as sockets are; the declaration knows only those.
  const any: { send?(message: object, handle: unknown, options: undefined, sent: unknown): boolean } = child;
  any.send?.(message, handle satisfies SocketHandle | SendHandle, undefined, sent);
}

/** An ordinary socket, as a net.Server would make it of a connection of its own. */
export function socketOf(handle: SocketHandle, { allowHalfOpen }: { allowHalfOpen: boolean }): net.Socket {
  const socket: net.Socket = Reflect.construct(net.Socket, [
    { handle, allowHalfOpen, readable: true, writable: true },
  ]);
  return socket.setNoDelay(true);
}
