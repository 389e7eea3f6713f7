// The public node:http server of a server process: its limits, its refusals, and who is connected. It knows nothing
// of Express: any (req, res) handler will do. Closing politely is drain.ts.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ServerConfig } from '../config.js';
import { AppError } from '../errors.js';
import { refusalFor } from './client-error.js';
import { type Answer, type Connection, Connections } from './connections.js';
import { linger } from './linger.js';
import { answerRefusal, rawRefusal } from './refusal.js';
import { watchSending } from './send-watch.js';
import { allowedMethods, unsoundness } from './strict-http.js';
import { leavesLongRest } from './unread-body.js';

export type HttpLimits = Pick<
  ServerConfig,
  | 'headersTimeoutMs'
  | 'requestTimeoutMs'
  | 'keepAliveTimeoutMs'
  | 'sendTimeoutMs'
  | 'maxConnections'
  | 'maxRequestsPerSocket'
>;

export interface HttpServerOptions {
  handler(req: IncomingMessage, res: Answer): void;
  readonly limits: HttpLimits;
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
  /** Ends the timers; to be called when nobody is connected any more. */
  dispose(): void;
}

export function createHttpServer({ handler, limits, isClosing, classes }: HttpServerOptions): HttpServer {
  const connections = new Connections();
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

  function onRequest(req: IncomingMessage, res: Answer): void {
    const connection = connections.of(req.socket);
    if (connection === undefined) return;
    if (!mayAnswer(connection)) {
      drop(connection, req);
      return;
    }
    const refusal = unsoundness(req);
    if (refusal !== undefined) {
      refuse(connection, req, res, refusal);
      return;
    }
    connection.begin(res);
    if (isClosing()) res.shouldKeepAlive = false;
    else if (limits.maxRequestsPerSocket > 0 && connection.requests >= limits.maxRequestsPerSocket)
      connection.endAfterAnswers();
    // A client that pipelines pays for what it sends, we for what is pending.
    else if (connection.pending >= maxPending) connection.endAfterAnswers();
    if (hasBody(req)) {
      req.once('end', () => connection.rest());
      // Nobody reads the others' bodies.
      if (req.method !== 'POST' && leavesLongRest(req)) res.shouldKeepAlive = false;
    }
    handler(req, res);
  }

  server.on('request', onRequest);
  // The handler decides what is expected of whom: it asks for the body, or refuses before it is sent.
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('clientError', (error, duplex) => {
    const connection = connections.of(duplex as Socket);
    if (connection !== undefined) onClientError(connection, error);
    else duplex.destroy();
  });
  server.on('connect', (_req, duplex) => {
    const connection = connections.of(duplex as Socket);
    if (connection !== undefined) onConnect(connection);
    else duplex.destroy();
  });
  server.on('connection', (socket) => {
    if (limits.maxConnections > 0 && connections.size >= limits.maxConnections) {
      socket.on('error', () => {});
      socket.end(rawRefusal(tooManyConnections));
      socket.once('finish', () => socket.destroy());
      return;
    }
    const connection = connections.add(socket);
    socket.destroySoon = () => linger(connection);
  });

  const sending = watchSending(connections, limits.sendTimeoutMs);

  function dispose(): void {
    sending.stop();
    // Drained or not: this ends Node's own timer.
    server.close();
  }
  return { server, connections, dispose };
}

/** False behind an answer that ends its connection: nobody would ever see this one, so it must not run either. */
function mayAnswer(connection: Connection): boolean {
  if (connection.state !== 'open' || connection.hasSaidClose) return false;
  const last = connection.lastDue;
  // It is the last one no more, and those behind it are to be seen.
  if (last !== undefined && !last.headersSent) last.shouldKeepAlive = true;
  return true;
}

function drop(connection: Connection, req: IncomingMessage): void {
  req.resume();
  connection.stopParsing();
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** A request that is parsed and unsound: one that cannot be parsed is `onClientError`. */
function refuse(connection: Connection, req: IncomingMessage, res: Answer, refusal: AppError): void {
  // Those that are due are the last ones: whether this was a request at all is uncertain.
  if (connection.lastDue !== undefined) {
    connection.endAfterAnswers();
    drop(connection, req);
    return;
  }
  connection.begin(res);
  connection.endAfterAnswers();
  answerRefusal(res, refusal);
}

/** Something came that is no request, or not in time. Answers that are due come first, and are the last ones. */
function onClientError(connection: Connection, error: Error): void {
  const { socket } = connection;
  const refusal = refusalFor(error);
  const last = connection.lastDue;
  // Who has said nothing is told nothing; who leaves within a request will not read the answers to those before it.
  const hasLeft = last !== undefined && socket.readableEnded;
  if (refusal === undefined || !socket.writable || socket.bytesRead === 0 || hasLeft) {
    socket.destroy();
    return;
  }
  if (connection.state !== 'open' || connection.hasSaidClose) return;
  if (last === undefined && !connection.isUploading) {
    connection.endWith(rawRefusal(refusal));
    return;
  }
  connection.endAfterAnswers();
  // It was in the body of the last request: this is its answer, if it has none, and its handler finds that out.
  if (last !== undefined && !last.headersSent && connection.isUploading) answerRefusal(last, refusal);
}

/** No tunnel is made here. Node has let go of the socket by now. */
function onConnect(connection: Connection): void {
  const { socket } = connection;
  socket.on('error', () => socket.destroy());
  if (connection.state === 'open' && !connection.hasSaidClose) {
    const detail = 'CONNECT is not allowed here.';
    const refusal = new AppError('METHOD_NOT_ALLOWED', detail, { allow: allowedMethods });
    if (connection.lastDue === undefined) connection.endWith(rawRefusal(refusal));
    else connection.endAfterAnswers();
  }
  socket.resume();
}

const tooManyConnections = new AppError('OVERLOADED', 'There are too many connections.', {
  retryAfterSeconds: 1,
});
