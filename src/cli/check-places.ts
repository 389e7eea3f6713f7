// What `millrace check` can say of the places that a start would take: the addresses, the socket file, the folder of jobs.
// Nothing is taken: a server that runs there goes on, and that it does so is no fault.
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Config, ConfigError } from '../config.js';
import { addressOf, socketPathOf } from '../host.js';
import { type AddressNames, explainAddress, inTime } from '../primary/address.js';
import { checkSocketFile } from '../primary/socket-file.js';

/** @throws ConfigError for the first place that a start could not take */
export async function checkPlaces(config: Config): Promise<void> {
  const { host, port, adminHost, adminPort, agentPort, jobs, jobsDir, redisUrl } = config;
  const path = socketPathOf(host);
  if (path === undefined) await checkAddress(host, port, { host: 'HOST', port: 'PORT' });
  else await checkSocketFile(path);
  if (adminPort !== 'off')
    await checkAddress(adminHost, adminPort, { host: 'ADMIN_HOST', port: 'ADMIN_PORT' });
  if (agentPort !== undefined)
    await checkAddress(addressOf(host), agentPort, { host: 'HOST', port: 'AGENT_PORT' });
  if (jobs === 'on' && redisUrl === undefined && jobsDir !== undefined) await checkJobsDir(jobsDir);
}

/**
 * Whether it is an address of this machine, and a port that this user may listen on: asked with UDP, whose ports are
 * others, so that nothing that runs is in the way of it, nor it of anything.
 */
async function checkAddress(host: string, port: number, names: AddressNames): Promise<void> {
  try {
    const { address, family } = await inTime(lookup(host));
    await bindUdp(address, family, port);
  } catch (cause) {
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    if (!isTaken) throw new ConfigError(explainAddress(cause, host, port, names), { cause });
  }
}

function bindUdp(address: string, family: number, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4' });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve()));
  });
}

/** It is made where it is not there yet. That another millrace has it is for the start to say: it may be the one that runs. */
async function checkJobsDir(folder: string): Promise<void> {
  const fault = (await folderFault(resolve(folder))) ?? lmdbFault();
  if (fault !== undefined)
    throw new ConfigError(
      `JOBS_DIR must be a folder that jobs can be kept in, but ${folder} is not: ${fault}`,
    );
}

async function folderFault(folder: string): Promise<string | undefined> {
  try {
    if (!(await stat(folder)).isDirectory()) return `${folder} is no folder`;
    await access(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' && dirname(folder) !== folder) return folderFault(dirname(folder));
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** An optional dependency, which an installation may lack. */
function lmdbFault(): string | undefined {
  try {
    import.meta.resolve('lmdb');
    return undefined;
  } catch {
    return 'the package lmdb is missing: npm install lmdb';
  }
}
