// One process at a time has a folder: whoever listens at the socket in it. The system takes it from a process that dies,
// however it does; the file that is left behind is nobody's.
import { once } from 'node:events';
import { closeSync, openSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';

export interface FolderLock {
  close(): Promise<void>;
}

/** What the address of a socket can be, in bytes (sun_path), less some. */
const longestPath = 100;

/** Undefined: another process has it. */
export async function lockFolder(folder: string): Promise<FolderLock | undefined> {
  // A long path is shortened by way of the folder's descriptor (Linux).
  const fd = Buffer.byteLength(folder) > longestPath - 10 ? openSync(folder, 'r') : undefined;
  const path = fd === undefined ? join(folder, 'lock') : `/proc/self/fd/${fd}/lock`;
  try {
    const server = (await listen(path)) ?? (await listenAnew(path));
    if (server === undefined) return undefined;
    server.unref();
    return {
      async close() {
        server.close();
        rmSync(path, { force: true });
        if (fd !== undefined) closeSync(fd);
      },
    };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw error;
  }
}

/** Where nobody answers there, the file is of a process that has died. */
async function listenAnew(path: string): Promise<Server | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return undefined;
  } catch {
    rmSync(path, { force: true });
    return await listen(path);
  } finally {
    socket.destroy();
  }
}

async function listen(path: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen(path);
    await once(server, 'listening');
    return server;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
}
