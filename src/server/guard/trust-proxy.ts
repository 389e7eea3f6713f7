// Whose X-Forwarded-For is believed. Express and proxy-addr work out the address (`req.ip`), and only when asked.
import type { Express, Request } from 'express';
import type { ServerConfig } from '../../config.js';
import type { Logger } from '../../log.js';

/** Exactly as many proxies as were counted, or exactly those that were named: never whoever says so. */
export function trustProxies(app: Express, trustProxy: ServerConfig['trustProxy']): void {
  if (typeof trustProxy === 'number')
    app.set('trust proxy', (_address: string, hop: number) => hop < trustProxy);
  else app.set('trust proxy', [...trustProxy]);
}

/**
 * Says once that a proxy seems to stand in front although none is trusted: all its clients would share one fair turn
 * and one quota. For where none is.
 */
export function warnOfProxy(log: Logger): (req: Request) => void {
  let warned = false;
  return (req) => {
    if (!warned && req.headers['x-forwarded-for'] !== undefined) {
      warned = true;
      log.warn(
        'X-Forwarded-For arrives, but TRUST_PROXY is unset: the proxy counts as the client of all its requests',
      );
    }
  };
}
