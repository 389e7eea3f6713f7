// How a thread wakes the event loop: one byte into a local socket, whose other end the loop watches. What there is to
// be seen stands in shared memory. A MessagePort would do it too, but Node holds the port's lock while it wakes the
// receiver (seen in 20 to 26): the event loop, which goes before the threads, stops the sender there and then waits
// for it, behind every thread that wants the core. That took 3 % of the loop's time under full load.
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { ring } from '../../thread/wake-lane.js';

export interface Wake {
  /** Any thread of this process may `ring` it. */
  readonly fd: number;
  /** To be called when no thread is left that may ring: the number may then be another file's. */
  close(): void;
}

const handshakeMs = 1_000;

/**
 * Undefined where there is none (no abstract sockets, as everywhere but on Linux, or no descriptors left): threads
 * then post their answers.
 * @param onWake called once for any number of rings since it was called last
 */
export async function createWake(onWake: () => void): Promise<Wake | undefined> {
  if (process.platform !== 'linux') return undefined;
  const server = createServer();
  let listening: Socket | undefined;
  let ringing: Socket | undefined;
  try {
    const path = `\0millrace-${randomUUID()}`;
    // Not exclusive, the primary would listen in this process's place.
    server.listen({ path, exclusive: true });
    await once(server, 'listening');
    const timedOut = AbortSignal.timeout(handshakeMs);
    const heard = new EventEmitter();
    const accepted = once(server, 'connection', { signal: timedOut });
    listening = connect({
      path,
      onread: {
        buffer: new Uint8Array(64),
        callback: () => {
          heard.emit('ring');
          onWake();
          return true;
        },
      },
    });
    listening.on('error', () => undefined);
    const [peer]: Socket[] = await accepted;
    ringing = peer;
    const fd = descriptorOf(peer);
    if (fd === undefined || !ring(fd)) throw new Error('it has no descriptor');
    // An abstract name is open to every process of the machine: this shows that it is our own end that was accepted.
    await once(heard, 'ring', { signal: timedOut });
    ringing?.on('error', () => undefined).unref();
    listening.unref();
    return {
      fd,
      close() {
        listening?.destroy();
        ringing?.destroy();
      },
    };
  } catch {
    listening?.destroy();
    ringing?.destroy();
    return undefined;
  } finally {
    server.close();
  }
}

/** Node has no public name for it. */
function descriptorOf(socket: Socket | undefined): number | undefined {
  const handle: unknown = socket && Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}
