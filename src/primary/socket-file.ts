// The file of a Unix socket (HOST=unix:…): how it comes to its path and how it goes. It is made under another name beside
// the path and renamed: so it is there only once it is listened at, a stale one is replaced in one step, and libuv, which
// deletes a socket's file by its name when it is closed, never deletes the file of whoever came after us.
import { constants, existsSync, lstatSync, renameSync, type Stats, unlinkSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { ConfigError } from '../config.js';

/** Longest path of a socket in bytes: what fits in `sun_path` with a NUL behind it. libuv would cut a longer one. */
const longestPath = process.platform === 'linux' ? 107 : 103;

export interface SocketFile {
  /** Deletes the file, unless another one has taken its place. Idempotent. */
  remove(): void;
}

/**
 * @param mode permissions of the file, in octal: who may write to it may connect
 * @param bind makes a socket that listens at the path that it is given: the file in this very turn
 * @throws ConfigError with one line that names HOST
 */
export async function makeSocketFile(
  path: string,
  mode: string,
  bind: (path: string) => void | Promise<void>,
): Promise<SocketFile> {
  const first = firstName(path);
  const stale = await staleFile(path);
  try {
    if (isSocket(look(first))) unlinkSync(first);
    await withUmask(0o777 & ~Number.parseInt(mode, 8), () => bind(first));
    if (!isSame(look(path), stale))
      throw new ConfigError(`HOST must be free, but ${path} was taken meanwhile`);
    renameSync(first, path);
  } catch (cause) {
    if (isSocket(look(first))) unlinkSync(first);
    throw cause instanceof ConfigError ? cause : new ConfigError(explain(cause, path), { cause });
  }
  const own = look(path);
  const remove = (): void => {
    process.off('exit', remove);
    if (own === undefined || !isSame(look(path), own)) return;
    try {
      unlinkSync(path);
    } catch {
      // Its folder may be gone, or no longer ours to write to: whoever comes next replaces the file.
    }
  };
  process.once('exit', remove);
  return { remove };
}

/**
 * Whether the file could be made, without making it. Who listens there now may be the server that is to be replaced.
 * @throws ConfigError with one line that names HOST
 */
export async function checkSocketFile(path: string): Promise<void> {
  firstName(path);
  checkKind(look(path), path);
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new ConfigError(explain(cause, path), { cause });
  }
}

/** The name under which it is made. */
function firstName(path: string): string {
  const first = join(dirname(path), `.${process.pid.toString(36)}`);
  const longest = Math.max(Buffer.byteLength(path), Buffer.byteLength(first));
  if (longest > longestPath)
    throw new ConfigError(
      `HOST must name a path of at most ${longestPath} bytes, not one of ${longest}: ${path}`,
    );
  return first;
}

function checkKind(found: Stats | undefined, path: string): void {
  if (found !== undefined && !found.isSocket())
    throw new ConfigError(
      `HOST must name a socket, or nothing yet, but ${path} is ${found.isDirectory() ? 'a folder' : 'a file of another kind'}`,
    );
}

/** A socket at this path at which nobody listens; undefined where there is nothing. */
async function staleFile(path: string): Promise<Stats | undefined> {
  const found = look(path);
  if (found === undefined) return undefined;
  checkKind(found, path);
  const code = await connectTo(path);
  if (code === 'ECONNREFUSED') return found;
  if (code === 'ENOENT') return undefined;
  // EAGAIN: so many stand in its row that there is no more room.
  if (code === undefined || code === 'EAGAIN')
    throw new ConfigError(`HOST must be free, but another program listens at ${path} (EADDRINUSE)`);
  throw new ConfigError(
    `HOST must be free, but it cannot be seen whether a program listens at ${path} (${code})`,
  );
}

/** @returns why nobody could be reached; undefined: somebody listens */
function connectTo(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
  });
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw new ConfigError(explain(cause, path), { cause });
  }
}

function isSocket(found: Stats | undefined): boolean {
  return found?.isSocket() === true;
}

/** The very same file, or none. The number of a file is not given to another one as long as its socket is open. */
function isSame(one: Stats | undefined, other: Stats | undefined): boolean {
  return one?.ino === other?.ino && one?.dev === other?.dev;
}

/** The permissions are there from the start: nobody connects in between. */
function withUmask<T>(umask: number, act: () => T): T {
  const before = process.umask(umask);
  try {
    return act();
  } finally {
    process.umask(before);
  }
}

function explain(cause: unknown, path: string): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  const folder = dirname(path);
  // libuv says EACCES where the folder is missing.
  if (!existsSync(folder)) return `HOST must name a socket in a folder that is there, but ${folder} is not`;
  return `HOST must name a path where this user may make the socket ${basename(path)}, but in ${folder} it may not (${code})`;
}
