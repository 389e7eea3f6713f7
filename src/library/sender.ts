// Who sent a request that a foreign server took (Express, Fastify's `req.raw`, node:http), as far as its head tells.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { soundRequestId } from '../http/sound-request-id.js';
import { createExchange } from '../server/exchange.js';
import type { Sender } from '../server/own/call-task.js';
import { addressClient } from '../server/request/client.js';

const known = new WeakMap<IncomingMessage, Sender>();

/** A client is the address of its connection: say `client` where that is a proxy's. */
export function senderOf(req: IncomingMessage): Sender {
  let sender = known.get(req);
  if (sender === undefined) {
    const requestId = soundRequestId(req.headers['x-request-id']) ?? randomUUID();
    sender = {
      client: addressClient(req.socket.remoteAddress) ?? 'unknown',
      exchange: createExchange(requestId),
    };
    known.set(req, sender);
  }
  return sender;
}
