// What HOST names: an address, or a socket file as Puma and Gunicorn write it (unix:/run/millrace.sock); and the URL of it.
import { normalize } from 'node:path';

const scheme = 'unix:';

/** The path of the socket file; undefined where HOST is a name or an address. */
export function socketPathOf(host: string): string | undefined {
  return host.startsWith(scheme) ? host.slice(scheme.length) : undefined;
}

/** Where ports beside the public one are: at HOST, or at the loopback where that is a socket file. */
export function addressOf(host: string): string {
  return socketPathOf(host) === undefined ? host : '127.0.0.1';
}

/** What HOST says about a path. `unix:///run/x` names the same file as `unix:/run/x`. */
export function unixHost(path: string): string {
  return `${scheme}${normalize(path)}`;
}

/**
 * What a browser on this machine would be given: wildcards become loopback, IPv6 is bracketed. No browser can be given
 * a socket file: that stays as HOST has it.
 */
export function localUrl(host: string, port: number): string {
  if (socketPathOf(host) !== undefined) return host;
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
