// The HTTP layer on a free port in front of a small handler, with limits that a test can wait for.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer } from '#src/http/connections.js';
import { createHttpServer, type HttpLimits, type HttpServer } from '#src/http/http-server.js';
import type { LaneEnd } from '#src/lane/call.js';
import { createDrain, type Drain, type DrainTimings } from '#src/server/drain.js';

export type Handler = (req: IncomingMessage, res: Answer) => void;

export interface TestServer {
  readonly port: number;
  readonly http: HttpServer;
  readonly drain: Drain;
  close(): Promise<void>;
}

export interface TestServerOptions {
  readonly handler?: Handler;
  readonly limits?: Partial<HttpLimits>;
  readonly timings?: Partial<DrainTimings>;
  /** What the CPU lane would do: cuts what is open and tells how much that was. */
  readonly closeLane?: () => Promise<LaneEnd>;
}

const usualLimits: HttpLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  sendTimeoutMs: 30_000,
  maxConnections: 0,
  maxRequestsPerSocket: 0,
};

export async function startHttpServer(options: TestServerOptions = {}): Promise<TestServer> {
  const limits = { ...usualLimits, ...options.limits };
  const http = createHttpServer({
    handler: options.handler ?? echo,
    limits,
    isClosing: () => drain.mode() !== undefined,
  });
  const drain = createDrain({
    http,
    lane: { close: options.closeLane ?? (() => Promise.resolve({ cut: 0, isQuiet: true })) },
    headersTimeoutMs: limits.headersTimeoutMs,
    timings: {
      silenceMs: { stop: 50, reload: 300 },
      freshMs: 50,
      flushMs: 200,
      tickMs: 5,
      ...options.timings,
    },
  });
  http.server.listen(0, '127.0.0.1');
  await once(http.server, 'listening');
  return {
    port: portOf(http.server.address()),
    http,
    drain,
    async close() {
      await drain.close('stop', 0);
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** GET says where it was asked for, POST gives the body back; the same for the two routes that the app has. */
export const echo: Handler = (req, res) => {
  if (req.method === 'OPTIONS') {
    res.writeHead(204, { Allow: 'GET, HEAD, POST, OPTIONS' }).end();
    return;
  }
  if (req.method !== 'POST') {
    answer(res, `${req.method} ${req.headers.host ?? ''} ${req.url}`);
    return;
  }
  if (req.headers.expect === '100-continue') res.writeContinue();
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk));
  req.on('end', () => answer(res, Buffer.concat(chunks)));
};

export function answer(res: Answer, body: string | Buffer): void {
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
}
