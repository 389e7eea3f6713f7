// Whether a server process has received the connection that it was given. It says so at once; where it says nothing it
// is asked. Messages keep their order, so the answer is certain: what was not received then never will be. A process
// whose event loop is busy answers when it comes to it; one that dies, never (`lost`).
import type { ToServer } from '../messages.js';
import type { SocketHandle } from '../socket-handle.js';

export class Receipt {
  readonly #send: (message: ToServer, connection?: SocketHandle) => void;
  readonly #askAfterMs: number;
  #seq = 0;
  #settle: ((taken: boolean) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (message: ToServer, connection?: SocketHandle) => void, askAfterMs: number) {
    this.#send = send;
    this.#askAfterMs = askAfterMs;
  }

  /** One connection at a time. */
  give(connection: SocketHandle, settle: (taken: boolean) => void): void {
    this.#settle = settle;
    this.#send({ type: 'connection', seq: ++this.#seq }, connection);
    // Not one timer for each connection: who is asked early loses nothing by it.
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#settle !== undefined) this.#send({ type: 'received?', seq: this.#seq });
    }, this.#askAfterMs);
  }

  answered(seq: number, received: boolean): void {
    if (seq === this.#seq) this.#end(received);
  }

  /** The process is gone, and all that it had to say was read. */
  lost(): void {
    clearTimeout(this.#timer);
    this.#end(false);
  }

  #end(received: boolean): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(received);
  }
}
