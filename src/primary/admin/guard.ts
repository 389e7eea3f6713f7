// Who may speak to the admin server: decided by a request's headers alone. It keeps out what a web page could make a
// browser on this machine send: requests of a foreign origin, and those to a DNS name that was rebound to us.
import type { IncomingHttpHeaders } from 'node:http';

export interface Guard {
  /** Why this request is refused, or undefined. */
  refusal(path: string, headers: IncomingHttpHeaders): string | undefined;
}

/** Read-only, and scraped by whatever name the machine has: open to clients that are no browsers. */
const openPaths = new Set(['/metrics', '/status']);

/** @param names beside loopback, that the server may be called by: host names or addresses, without port */
export function createGuard(names: readonly string[]): Guard {
  const allowed = new Set(names.map((name) => bare(name.toLowerCase())));

  function isAllowed(authority: string | undefined): boolean {
    const host = hostOf(authority);
    return host !== undefined && (isLoopback(host) || allowed.has(host));
  }

  return {
    refusal(path, headers) {
      if (!isAllowed(headers.host) && (!openPaths.has(path) || isBrowser(headers)))
        return 'The admin server is not called by this name; ADMIN_ALLOWED_HOSTS may list it.';
      if (headers.origin !== undefined && !isOwnOrigin(headers.origin, headers.host)) return foreignPage;
      const site = headers['sec-fetch-site'];
      if (site !== undefined && site !== 'same-origin' && site !== 'none') return foreignPage;
      return undefined;
    },
  };
}

const foreignPage = 'A page of another origin may not use the admin server.';

/** `Host` with an optional port → the host in lower case, without brackets; undefined where it is none. */
function hostOf(authority: string | undefined): string | undefined {
  const [, host] = /^(\[[\da-f:.]+\]|[^:@/\s[\]]+)(?::\d{1,5})?$/i.exec(authority ?? '') ?? [];
  return host === undefined ? undefined : bare(host.toLowerCase());
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** The page was served by us: by this very name, perhaps through a proxy that ends TLS. */
function isOwnOrigin(origin: string, host: string | undefined): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

/**
 * Browsers send `Sec-Fetch-*` only to origins they trust, and a rebound http name is none; but no page can keep its
 * browser from sending `Accept-Language`, or from calling itself Mozilla, as they all do.
 */
function isBrowser(headers: IncomingHttpHeaders): boolean {
  if (headers.origin !== undefined || headers.referer !== undefined) return true;
  if (headers['accept-language'] !== undefined) return true;
  if (/^mozilla\//i.test(headers['user-agent'] ?? '')) return true;
  return Object.keys(headers).some((name) => name.startsWith('sec-'));
}
