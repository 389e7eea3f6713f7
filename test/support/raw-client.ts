// A client that sends exactly the bytes it is told to, and reads answers one by one. No HTTP library would do:
// they refuse to send what the tests are about.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** The connection ended where an answer was awaited. */
export class ConnectionEnded extends Error {}

export class RawClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      socket.emit('progress');
    });
    // A reset is an end like any other here; what was received before it counts.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#end());
    socket.on('end', () => this.#end());
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port, host, noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** What was received and not read as an answer yet. */
  get unread(): string {
    return this.#received.toString('latin1');
  }

  /** @param bytes text stands for one byte a character */
  send(bytes: string | Buffer): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  /** The next answer. @throws ConnectionEnded */
  async answer(method = 'GET'): Promise<RawAnswer> {
    for (;;) {
      const parsed = parseAnswer(this.#received, method);
      if (parsed !== undefined) {
        this.#received = this.#received.subarray(parsed.length);
        return parsed.answer;
      }
      if (this.#closed) throw new ConnectionEnded(`ended after ${JSON.stringify(this.unread)}`);
      await once(this.socket, 'progress');
    }
  }

  /** Resolves when the server has ended the connection, politely or not. */
  async closed(): Promise<void> {
    while (!this.#closed) await once(this.socket, 'progress');
  }

  destroy(): void {
    this.socket.destroy();
  }

  #end(): void {
    this.#closed = true;
    this.socket.emit('progress');
  }
}

function parseAnswer(bytes: Buffer, method: string): { answer: RawAnswer; length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`no status line: ${JSON.stringify(statusLine)}`);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const start = headEnd + 4;
  const bodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  const length = bodiless ? 0 : Number(headers.get('content-length') ?? Number.NaN);
  if (Number.isNaN(length)) throw new Error(`an answer without length: ${statusLine}`);
  if (bytes.length < start + length) return undefined;
  const body = bytes.toString('utf8', start, start + length);
  return { answer: { status, headers, body }, length: start + length };
}
