// Raw HTTP over a socket: what a client library would not let a test send, or not let it see.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A bare node:http server in front of the handler, which is asked about every expectation; gone after the test. */
export async function listen(handler: RequestListener, options = {}): Promise<Server> {
  const server = createServer(options, handler);
  server.on('checkContinue', handler).on('checkExpectation', handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

export interface Wire {
  readonly socket: Socket;
  send(...lines: readonly (string | Uint8Array)[]): void;
  /** Everything received, once it contains the text. */
  received(text: string): Promise<string>;
  /** Everything received, once the server has ended the connection. */
  ended(): Promise<string>;
}

export function dial(server: Server): Wire {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  onTestFinished(() => {
    socket.destroy();
  });
  return {
    socket,
    send(...parts) {
      for (const part of parts) socket.write(part);
    },
    async received(wanted) {
      while (!text.includes(wanted)) {
        if (socket.readableEnded) throw new Error(`ended without ${wanted}: ${text}`);
        await once(socket, 'data');
      }
      return text;
    },
    async ended() {
      if (!socket.readableEnded) await once(socket, 'end');
      return text;
    },
  };
}

/** The head of a request, with a Host. */
export function head(start: string, ...headers: readonly string[]): string {
  return `${[`${start} HTTP/1.1`, 'Host: test', ...headers].join('\r\n')}\r\n\r\n`;
}
