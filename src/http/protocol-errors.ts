// What the HTTP layer answers by itself, because no handler may see it: on which of the ways of refusal.ts, and how the
// connection ends with it. Answers that are due come first and are then the last ones: behind them, nothing is refused aloud.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { AppError } from '../errors.js';
import { refusalFor } from './client-error.js';
import { type Answer, type Connection, leaveUnanswered } from './connections.js';
import { answerRefusal, rawRefusal } from './refusal.js';
import { allowedMethods } from './strict-http.js';

/** A request that no handler has seen. Nothing is known of one that could not be read. */
export interface UnhandledRequest {
  readonly status: number;
  readonly requestId: string;
  readonly socket: Socket;
  readonly req: IncomingMessage | undefined;
}

export interface ProtocolErrorOptions {
  /** Names and values that every answer of these carries. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  onUnhandled?(request: UnhandledRequest): void;
}

export interface ProtocolErrors {
  /** A request that could be read. */
  request(connection: Connection, req: IncomingMessage, res: Answer, refusal: AppError): void;
  /** Something that is no request, or did not come in time. */
  bytes(connection: Connection, error: Error): void;
  /** CONNECT: no tunnel is made here. Node has let go of the socket by now. */
  tunnel(connection: Connection): void;
  /** One connection too many. */
  connection(socket: Socket): void;
}

export function createProtocolErrors({ headers = [], onUnhandled }: ProtocolErrorOptions): ProtocolErrors {
  /** @returns the answer to send */
  function tell(socket: Socket, refusal: AppError): string {
    const { requestId, text } = rawRefusal(refusal, headers);
    onUnhandled?.({ status: refusal.status, requestId, socket, req: undefined });
    return text;
  }

  return {
    request(connection, req, res, refusal) {
      if (connection.lastOpen !== undefined) {
        connection.endAfterAnswers();
        drop(connection, req);
        return;
      }
      connection.begin(res);
      connection.endAfterAnswers();
      const requestId = answerRefusal(res, refusal, headers);
      onUnhandled?.({ status: refusal.status, requestId, socket: connection.socket, req });
    },

    bytes(connection, error) {
      const { socket } = connection;
      const refusal = refusalFor(error);
      const last = connection.lastOpen;
      // Who has said nothing is told nothing.
      if (refusal === undefined || !socket.writable || socket.bytesRead === 0) {
        socket.destroy();
        return;
      }
      // Its client has left in the middle of it. Node tells the handler when the socket is gone.
      if (connection.isHalfClosed && connection.isUploading && last !== undefined) {
        leaveUnanswered(last);
        return;
      }
      if (connection.state !== 'open' || connection.hasSaidClose) return;
      if (last === undefined && !connection.isUploading) {
        connection.endWith(tell(socket, refusal));
        return;
      }
      connection.endAfterAnswers();
      // It was in the body of the last request: this is its answer, if it has none, and its handler finds that out.
      if (last !== undefined && !last.headersSent && connection.isUploading)
        answerRefusal(last, refusal, headers);
    },

    tunnel(connection) {
      const { socket } = connection;
      socket.on('error', () => socket.destroy());
      if (connection.state === 'open' && !connection.hasSaidClose) {
        if (connection.lastOpen === undefined) connection.endWith(tell(socket, noTunnel));
        else connection.endAfterAnswers();
      }
      socket.resume();
    },

    connection(socket) {
      socket.on('error', () => undefined);
      socket.once('finish', () => socket.destroy());
      socket.end(tell(socket, tooManyConnections));
    },
  };
}

/** A request that is never answered, and everything behind it. */
export function drop(connection: Connection, req: IncomingMessage): void {
  req.resume();
  connection.stopParsing();
}

const noTunnel = new AppError('METHOD_NOT_ALLOWED', 'CONNECT is not allowed here.', {
  allow: allowedMethods,
});

const tooManyConnections = new AppError('OVERLOADED', 'There are too many connections.', {
  retryAfterSeconds: 1,
  notBegun: true,
});
