// Whose X-Forwarded-For is believed. Express and proxy-addr work out the address (`req.ip`), and only when asked.
import type { Express, Request } from 'express';
import type { ServerConfig } from '../../config.js';

/** Exactly as many proxies as were counted, or exactly those that were named: never whoever says so. */
export function trustProxies(app: Express, trustProxy: ServerConfig['trustProxy'] = 0): void {
  if (typeof trustProxy === 'number')
    app.set('trust proxy', (_address: string, hop: number) => hop < trustProxy);
  else app.set('trust proxy', [...trustProxy]);
}

/** For where nothing was said about proxies: tells once that one seems to stand in front. */
export function watchForProxy(onProxied: () => void): (req: Request) => void {
  let seen = false;
  return (req) => {
    if (seen || req.headers['x-forwarded-for'] === undefined) return;
    seen = true;
    onProxied();
  };
}
