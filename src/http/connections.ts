// Who is connected: every socket of the server and the answers that are still due on it. Cheap on the way of
// a request: no listener and no timer per request; what is finished is found out when somebody asks.
// When a connection should end is decided elsewhere.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { monotonicMs } from '../clock.js';

/** What is stuck on a connection while bytes of an answer wait for their client. */
export interface Stuck {
  /** Where it stands in what is to be sent: send-watch.ts reckons it. */
  readonly position: number;
  /** performance.now() when it was first seen there. */
  readonly sinceMs: number;
}

export type Answer = ServerResponse<IncomingMessage>;

/** One socket. `ending`: nothing that still arrives is answered; `lingering`: nothing is due, our side is ended. */
export class Connection {
  readonly socket: Socket;
  /** monotonicMs() when it was accepted. */
  readonly sinceMs = monotonicMs();
  state: 'open' | 'ending' | 'lingering' = 'open';
  requests = 0;
  /** What the socket had read when its last message was complete: more than that is half a request. */
  bytesAtRest = 0;
  /** Kept by send-watch.ts while the client is behind in reading its answer. */
  stuck: Stuck | undefined;
  #last: Answer | undefined;
  /** Answers in front of the last one: a client that pipelines. */
  readonly #earlier: Answer[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** A request's headers have arrived. */
  begin(answer: Answer): void {
    this.requests++;
    this.rest();
    const earlier = this.#earlier;
    if (this.lastDue !== undefined) earlier.push(this.lastDue);
    // Answers end in their order: what has ended stands in front.
    while (earlier.length > 0 && earlier[0] !== undefined && !isDue(earlier[0])) earlier.shift();
    this.#last = answer;
  }

  /** How many answers are due, where one has just begun. */
  get pending(): number {
    return this.#earlier.length + 1;
  }

  /** A message has arrived whole. */
  rest(): void {
    this.bytesAtRest = this.socket.bytesRead;
  }

  /** The last answer, where it is still due. Answers end in their order: if this one has, all have. */
  get lastDue(): Answer | undefined {
    return this.#last !== undefined && isDue(this.#last) ? this.#last : undefined;
  }

  /** An answer has told the client that nothing comes behind it. */
  get hasSaidClose(): boolean {
    const last = this.#last;
    return last?.headersSent === true && (!last.shouldKeepAlive || last.getHeader('connection') === 'close');
  }

  /** The last request's body has not arrived whole. */
  get isUploading(): boolean {
    return this.#last?.req.complete === false;
  }

  /**
   * The last answer, where something of it is still to be given. One that was ended and has the socket is only being
   * sent: what is written now comes behind it. (Node 24 and 26 send it after the whole packet was read, 20 at once.)
   */
  get lastOpen(): Answer | undefined {
    const last = this.lastDue;
    return last?.writableEnded === true && last.socket !== null ? undefined : last;
  }

  /** The answers that are still due, in order. */
  due(): Answer[] {
    const last = this.lastDue;
    return last === undefined ? [] : [...this.#earlier.filter(isDue), last];
  }

  /** Nothing is due, but a part of a request's head has arrived. */
  get isHalfSent(): boolean {
    return this.lastDue === undefined && this.socket.bytesRead > this.bytesAtRest;
  }

  /**
   * Ends the connection politely: what is due is answered, the last answer says `Connection: close`. An answer in
   * front of it must not say so, or the client would never see those behind.
   */
  endAfterAnswers(): void {
    if (this.state === 'open') this.state = 'ending';
    const last = this.lastDue;
    if (last === undefined) this.socket.destroySoon();
    else if (last.headersSent) last.once('close', () => this.socket.destroySoon());
    else last.shouldKeepAlive = false;
  }

  /** Ends the connection with a last answer, where none is due. */
  endWith(answer: string): void {
    this.socket.write(answer);
    this.endAfterAnswers();
  }

  /** What still arrives is dropped unparsed: Node would make a request and an answer of each that it finds. */
  stopParsing(): void {
    this.socket.removeAllListeners('data').on('data', drop);
  }

  /** The client has ended its side: it may still read, or it has left. Only what is written to it can tell. */
  get isHalfClosed(): boolean {
    return this.socket.readableEnded;
  }

  /** Stops the flow control of a body that nobody reads, so that the socket's end is seen behind it. */
  discardBody(): void {
    this.#last?.req.resume();
  }
}

function drop(): void {}

function isDue(answer: Answer): boolean {
  return !answer.writableFinished && !answer.destroyed;
}

/**
 * Ends the connection instead of this answer, once it is its turn: those in front of it are still given. For a client
 * that ended its side, which is told nothing of a request that it did not wait for.
 */
export function leaveUnanswered(answer: Answer): void {
  if (answer.socket === null) answer.once('socket', (socket: Socket) => socket.destroy());
  else answer.socket.destroy();
}

/** The open connections by their sockets. */
export class Connections {
  readonly #bySocket = new Map<Socket, Connection>();

  get size(): number {
    return this.#bySocket.size;
  }

  add(socket: Socket): Connection {
    const connection = new Connection(socket);
    this.#bySocket.set(socket, connection);
    socket.once('close', () => this.#bySocket.delete(socket));
    return connection;
  }

  /** It is somebody else's from now on. */
  release(socket: Socket): void {
    this.#bySocket.delete(socket);
    // And ends as sockets do, see http-server.ts.
    Reflect.deleteProperty(socket, 'destroySoon');
  }

  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#bySocket.values();
  }
}
