// Listens at an address that the user gave, so that a wrong one is one line.
import type { Server } from 'node:net';
import { ConfigError } from '../config.js';
import { backlog } from '../http/backlog.js';

/** The settings an address comes from, by the names the user knows. */
export interface AddressNames {
  readonly host: string;
  readonly port: string;
}

/** Looking a host name up may take long; the user should not wait for it. */
const lookupTimeoutMs = 1_500;

/**
 * @returns the port: for 0 the free one that was found
 * @throws ConfigError with one line that names the variable
 */
export async function listenAt(
  server: Server,
  host: string,
  port: number,
  names: AddressNames,
): Promise<number> {
  const listening = new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog, exclusive: true }, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
  try {
    return await inTime(listening);
  } catch (cause) {
    throw new ConfigError(explainAddress(cause, host, port, names), { cause });
  }
}

/** @throws LookupTimeout where what begins with a host's name takes too long */
export async function inTime<Found>(looked: Promise<Found>): Promise<Found> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LookupTimeout()), lookupTimeoutMs);
  });
  try {
    return await Promise.race([looked, late]);
  } finally {
    clearTimeout(timer);
  }
}

class LookupTimeout extends Error {
  readonly code = 'ETIMEDOUT';
}

/** One line that names the variable. */
export function explainAddress(cause: unknown, host: string, port: number, names: AddressNames): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  if (code === 'EADDRINUSE') return `${names.port} must be free, but ${host}:${port} is in use (${code})`;
  if (code === 'EACCES' || code === 'EPERM')
    return `${names.port} must be one that this user may listen on, not ${port} (${code})`;
  return `${names.host} must be an address of this machine, not ${JSON.stringify(host)} (${code})`;
}
