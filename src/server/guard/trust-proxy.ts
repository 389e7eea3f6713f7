// Whose X-Forwarded-For is believed. Express and proxy-addr work out the address (`req.ip`), and only when asked.
import type { Express, Request } from 'express';
import type { ServerConfig } from '../../config.js';
import { socketPathOf } from '../../host.js';

/** Exactly as many proxies as were counted, or exactly those that were named: never whoever says so. */
export function trustProxies(
  app: Express,
  { trustProxy = 0, host }: Pick<ServerConfig, 'trustProxy' | 'host'>,
): void {
  if (typeof trustProxy === 'number') {
    app.set('trust proxy', (_address: string, hop: number) => hop < trustProxy);
    return;
  }
  app.set('trust proxy', [...trustProxy]);
  if (socketPathOf(host) === undefined) return;
  // The other end of a socket file has no address to be listed by. The file's permissions say who that may be.
  const isListed: (address: string | undefined, hop: number) => boolean = app.get('trust proxy fn');
  app.set('trust proxy', (address: string | undefined, hop: number) => hop === 0 || isListed(address, hop));
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
