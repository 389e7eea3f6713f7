// Sends one case over a connection of its own and sees what comes back first.
import { connect } from 'node:net';

export interface Reaction {
  /** Of the first answer that is no 1xx; undefined where the connection ended without one. */
  readonly status: number | undefined;
  readonly head: string;
  readonly afterMs: number;
  /** Neither answered nor ended in time. */
  readonly hung: boolean;
}

/** A client that has sent its bytes and waits; it never ends its side first. */
export function fire(port: number, bytes: Buffer, hangMs: number): Promise<Reaction> {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    let text = '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const timer = setTimeout(() => done(true), hangMs);

    function done(hung: boolean): void {
      clearTimeout(timer);
      socket.destroy();
      const { status, head } = firstAnswer(text) ?? { status: undefined, head: text.slice(0, 500) };
      resolve({ status, head, afterMs: performance.now() - startedMs, hung });
    }
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
      if (firstAnswer(text) !== undefined) done(false);
    });
    // A reset is an end like any other here.
    socket.on('error', () => undefined);
    socket.on('close', () => done(false));
    socket.on('end', () => done(false));
    socket.write(bytes);
  });
}

function firstAnswer(text: string): { status: number; head: string } | undefined {
  for (let at = 0; ; ) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end < 0) return undefined;
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text.slice(at))?.[1] ?? 0);
    if (status < 100 || status > 199) return { status, head: text.slice(at, end) };
    at = end + 4;
  }
}
