// Saves the connection that a server process was given and died before it took it.
//
// With round robin the primary accepts a connection, hands it over and waits for a word. Where the process dies (or
// was stopped) before that word, Node forgets the connection: neither closed nor given to another, its client waits
// for ever (seen in 20.20, 22.23, 24.21 and 26.10). A process has at most one such connection at a time, for the next one
// is handed over only after the word. Here the missing word is said in the dead process's place: "not accepted", which
// the cluster module answers by giving the connection to the next process.
import type { Worker } from 'node:cluster';

interface Handle {
  close(): void;
}

/** What the cluster module writes to a process with a new connection. */
interface NewConnection {
  readonly cmd: 'NODE_CLUSTER';
  readonly act: 'newconn';
  readonly seq: number;
}

/**
 * @returns to be called once the process is gone and its last words were read. `taken`: whether any other process
 *   accepts connections; otherwise they are closed.
 */
export function watchHandover(worker: Worker): (taken: boolean) => void {
  const underway = new Map<number, Handle>();
  const child = worker.process;
  const send = child.send.bind(child);
  child.send = (message: unknown, handle?: unknown, ...rest: unknown[]): boolean => {
    if (isNewConnection(message) && isHandle(handle)) underway.set(message.seq, handle);
    return Reflect.apply(send, child, [message, handle, ...rest]);
  };
  child.prependListener('internalMessage', (message: unknown) => {
    if (typeof message === 'object' && message !== null && 'ack' in message)
      underway.delete(Number(message.ack));
  });
  return (taken) => {
    for (const [seq, handle] of underway) {
      if (taken) child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack: seq, accepted: false });
      else handle.close();
    }
    underway.clear();
  };
}

function isNewConnection(message: unknown): message is NewConnection {
  return (
    typeof message === 'object' &&
    message !== null &&
    'act' in message &&
    message.act === 'newconn' &&
    'seq' in message &&
    typeof message.seq === 'number'
  );
}

function isHandle(value: unknown): value is Handle {
  return typeof value === 'object' && value !== null && 'close' in value && typeof value.close === 'function';
}
