// A node:http server with our rules, the public one of a server process or the primary's: its limits, its refusals, and
// who is connected. It knows nothing of Express: any (req, res) handler will do.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ServerConfig } from '../config.js';
import { type SocketHandle, socketOf } from '../socket-handle.js';
import { type Answer, type Connection, Connections } from './connections.js';
import { linger } from './linger.js';
import { createProtocolErrors, drop, type ProtocolErrorOptions } from './protocol-errors.js';
import { watchSending } from './send-watch.js';
import { unsoundness } from './strict-http.js';
import { hasBody, leavesLongRest } from './unread-body.js';

export type HttpLimits = Pick<
  ServerConfig,
  | 'headersTimeoutMs'
  | 'requestTimeoutMs'
  | 'keepAliveTimeoutMs'
  | 'sendTimeoutMs'
  | 'maxConnections'
  | 'maxRequestsPerSocket'
>;

export interface HttpServerOptions extends ProtocolErrorOptions {
  handler(req: IncomingMessage, res: Answer): void;
  readonly limits: HttpLimits;
  /** The handler reads bodies of any method; else only POST's are read. */
  readonly readsAnyBody?: boolean;
  /** The server is closing: every answer says `Connection: close`. */
  isClosing(): boolean;
  /** Classes of the requests and answers, where the handler brings its own. */
  readonly classes?: {
    readonly IncomingMessage: typeof IncomingMessage;
    readonly ServerResponse: typeof ServerResponse<IncomingMessage>;
  };
}

/** Answers that one connection may wait for; the last of so many ends it. */
const maxPending = 128;

export interface HttpServer {
  readonly server: Server;
  readonly connections: Connections;
  /** Serves a connection that was accepted elsewhere, as one of its own. */
  take(connection: SocketHandle): void;
  /** Ends the timers; to be called when nobody is connected any more. */
  dispose(): void;
}

export function createHttpServer(given: HttpServerOptions): HttpServer {
  const { handler, limits, isClosing, classes, readsAnyBody = false } = given;
  const connections = new Connections();
  const protocolErrors = createProtocolErrors(given);
  const options = {
    ...classes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // Newer Nodes add a second to the time they announce; the setting means what it says.
    keepAliveTimeoutBuffer: 0,
    // Node looks for late requests every 30 s unless told otherwise. Often costs nothing, and thousands of slow
    // connections are then not refused all in one turn of the event loop.
    connectionsCheckingInterval: Math.min(100, Math.ceil(limits.headersTimeoutMs / 4)),
    // Node's own answer to a missing Host is no problem+json: strict-http.ts looks for it.
    requireHostHeader: false,
    noDelay: true,
  };
  const server = createServer(options);
  // Node would drop those beyond its limit without a word.
  server.maxHeadersCount = 0;
  // Not documented, the same from Node 20 to 26. Without it Node ends its side, too, when the client has ended its own.
  Object.assign(server, { httpAllowHalfOpen: true });

  function onRequest(req: IncomingMessage, res: Answer): void {
    const connection = connections.of(req.socket);
    if (connection === undefined) return;
    if (!mayAnswer(connection)) {
      drop(connection, req);
      return;
    }
    const refusal = unsoundness(req);
    if (refusal !== undefined) {
      protocolErrors.request(connection, req, res, refusal);
      return;
    }
    connection.begin(res);
    if (isClosing()) res.shouldKeepAlive = false;
    else if (limits.maxRequestsPerSocket > 0 && connection.requests >= limits.maxRequestsPerSocket)
      connection.endAfterAnswers();
    // A client that pipelines pays for what it sends, we for what is pending.
    else if (connection.pending >= maxPending) connection.endAfterAnswers();
    if (hasBody(req)) {
      req.on('end', rest);
      // Nobody reads the others' bodies.
      if (!readsAnyBody && req.method !== 'POST' && leavesLongRest(req)) res.shouldKeepAlive = false;
    }
    handler(req, res);
  }

  /** A body has come whole. One function for all requests. */
  function rest(this: IncomingMessage): void {
    connections.of(this.socket)?.rest();
  }

  /** From now on the socket is whose who asked for upgrades: no limit, no drain and no refusal of ours meets it. */
  function onUpgrade(req: IncomingMessage, duplex: Duplex): void {
    const connection = connections.of(req.socket);
    const refusal = unsoundness(req);
    if (refusal === undefined && connection?.state === 'open' && connection.lastOpen === undefined)
      connections.release(req.socket);
    else duplex.destroy();
  }

  server.on('request', onRequest);
  // The handler decides what is expected of whom: it asks for the body, or refuses before it is sent.
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  // Without somebody who listens for it, Node takes an upgrade for an ordinary request; with one, this comes first.
  server.on('newListener', function first(event) {
    if (event !== 'upgrade') return;
    server.off('newListener', first);
    server.on('upgrade', onUpgrade);
  });
  server.on('clientError', (error, duplex) => {
    const connection = connections.of(duplex as Socket);
    if (connection !== undefined) protocolErrors.bytes(connection, error);
    else duplex.destroy();
  });
  server.on('connect', (_req, duplex) => {
    const connection = connections.of(duplex as Socket);
    if (connection !== undefined) protocolErrors.tunnel(connection);
    else duplex.destroy();
  });
  server.on('connection', (socket) => {
    if (limits.maxConnections > 0 && connections.size >= limits.maxConnections) {
      protocolErrors.connection(socket);
      return;
    }
    const connection = connections.add(socket);
    socket.destroySoon = () => linger(connection);
    // Nothing more comes; what has come is answered.
    socket.once('end', () => connection.endAfterAnswers());
  });

  const sending = watchSending(connections, limits.sendTimeoutMs);

  function dispose(): void {
    sending.stop();
    // Drained or not: this ends Node's own timer.
    server.close();
  }
  function take(connection: SocketHandle): void {
    // As http.Server asks its own sockets to be: it decides by itself about half-open connections.
    server.emit('connection', socketOf(connection, { allowHalfOpen: true }));
  }
  return { server, connections, take, dispose };
}

/** False behind an answer that ends its connection: nobody would ever see this one, so it must not run either. */
function mayAnswer(connection: Connection): boolean {
  if (connection.state !== 'open' || connection.hasSaidClose) return false;
  const last = connection.lastDue;
  // It is the last one no more, and those behind it are to be seen.
  if (last !== undefined && !last.headersSent) last.shouldKeepAlive = true;
  return true;
}
