// How a thread tells the event loop that a message is answered: it writes one byte to a local socket, whose other end the
// loop watches; the answer stands in shared memory. A message on the thread's port would tell it too, but Node holds the
// port's lock while it wakes the receiver (seen in 20 to 26): the event loop, which goes before the threads, takes the
// core from the sender there and then waits for the lock, behind every thread that wants the core. Under full load the
// loop lost 3 % of its time to that. V8 holds a lock in the same way in Atomics.notify.
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Control } from '../../thread/shared-rows.js';
import { wakeLane } from '../../thread/wake-lane.js';

const handshakeMs = 1_000;
/** The event loop may be held meanwhile, by an app's setup. */
const handshakes = 5;

/**
 * Until the socket is there, and where there is none (no abstract names, as everywhere but on Linux, or no descriptors
 * left), threads post that they have answered.
 * @param onWake called once for any number of wakes since it was called last
 * @returns closes it; to be called when no thread is left that may write: the number may then be another file's
 */
export function openWake(control: Control, onWake: () => void): () => void {
  const closed = new AbortController();
  async function open(): Promise<void> {
    for (let tries = 0; tries < handshakes && control.wakeFd < 0 && !closed.signal.aborted; tries++)
      control.wakeFd = await connectToSelf(onWake, closed.signal);
  }
  if (process.platform === 'linux') void open();
  return () => {
    control.wakeFd = -1;
    closed.abort();
  };
}

/** @returns the descriptor to write to; -1 where there is none */
async function connectToSelf(onWake: () => void, closed: AbortSignal): Promise<number> {
  const server = createServer();
  const ends: Socket[] = [];
  const close = (): void => {
    for (const socket of ends) socket.destroy();
  };
  try {
    const path = `\0millrace-${randomUUID()}`;
    // Not exclusive, the primary would listen in this process's place.
    server.listen({ path, exclusive: true });
    await once(server, 'listening', { signal: closed });
    const signal = AbortSignal.any([closed, AbortSignal.timeout(handshakeMs)]);
    const heard = new EventEmitter();
    const accepted = once(server, 'connection', { signal });
    const reader = connect({
      path,
      onread: {
        buffer: new Uint8Array(64),
        callback: () => {
          heard.emit('wake');
          onWake();
          return true;
        },
      },
    });
    ends.push(reader);
    reader.on('error', () => undefined);
    const [writer]: Socket[] = await accepted;
    if (writer === undefined) throw new Error('there is no other end');
    ends.push(writer);
    writer.on('error', () => undefined);
    const fd = descriptorOf(writer);
    if (fd === undefined || !wakeLane(fd)) throw new Error('it has no descriptor');
    // An abstract name is open to every process of the machine: this shows that it is our own end that was accepted.
    await once(heard, 'wake', { signal });
    for (const socket of ends) socket.unref();
    closed.addEventListener('abort', close);
    return closed.aborted ? -1 : fd;
  } catch {
    close();
    return -1;
  } finally {
    server.close();
  }
}

/** Node has no public name for it. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}
