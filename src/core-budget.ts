// How many cores this process may use, and what that means in server processes and threads. Pure but for
// readCores, the thin reader at the end.
//
// os.availableParallelism() respects the affinity mask, yet reports the whole host under a CPU quota (Node 20, and newer
// ones where the quota is below one core), so the quota of cgroup v1 and v2 is read here: the process's own group and
// every ancestor up to the mount counts.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { posix } from 'node:path';
import type { Config } from './config.js';

/** A file's text, or undefined where it cannot be read. */
export type ReadText = (path: string) => string | undefined;

export interface Budget {
  readonly serverProcesses: number;
  readonly threadsPerProcess: number;
}

/** What `WORKERS` and `POOL_MAX_THREADS` mean on this many cores. */
export function budget(
  config: Pick<Config, 'workers' | 'poolMinThreads' | 'poolMaxThreads'>,
  cores: number,
): Budget {
  const serverProcesses = config.workers === 'auto' ? cores : config.workers;
  return { serverProcesses, threadsPerProcess: threadsPerProcess(config, cores, serverProcesses) };
}

/** One thread more than a process's share of the cores, so that the kernel can balance between processes. */
export function threadsPerProcess(
  config: Pick<Config, 'poolMinThreads' | 'poolMaxThreads'>,
  cores: number,
  serverProcesses: number,
): number {
  if (config.poolMaxThreads !== 'auto') return config.poolMaxThreads;
  return Math.max(2, Math.ceil(cores / serverProcesses) + 1, config.poolMinThreads);
}

/** What a server process is told of it: the cores, and its most threads. */
export function processBudget(
  config: Pick<Config, 'poolMinThreads' | 'poolMaxThreads'>,
  cores: number,
  serverProcesses: number,
): { readonly cores: number; readonly poolMaxThreads: number } {
  return { cores, poolMaxThreads: threadsPerProcess(config, cores, serverProcesses) };
}

/**
 * Cores under affinity and quota: the smaller one, the quota rounded up, at least 1.
 * @param affinity cores that the affinity mask allows
 * @param read reads /proc/self/cgroup, /proc/self/mountinfo and the groups' own files
 */
export function usableCores(affinity: number, read: ReadText): number {
  const quotas = quotaFolders(read('/proc/self/cgroup') ?? '', read('/proc/self/mountinfo') ?? '').map(
    (folder) => (folder.version === 2 ? quotaV2(folder.path, read) : quotaV1(folder.path, read)),
  );
  return Math.max(1, Math.min(affinity, Math.ceil(Math.min(...quotas))));
}

export interface QuotaFolder {
  readonly version: 1 | 2;
  readonly path: string;
}

/** The folders whose quota binds this process: its group and the group's ancestors, of every CPU hierarchy. */
export function quotaFolders(cgroup: string, mountinfo: string): QuotaFolder[] {
  const folders: QuotaFolder[] = [];
  for (const line of cgroup.split('\n')) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined || controllers === undefined) continue;
    const version = id === '0' && controllers === '' ? 2 : 1;
    if (version === 1 && !controllers.split(',').includes('cpu')) continue;
    for (const mount of mounts(mountinfo, version)) {
      for (const folder of ancestors(mount, path)) folders.push({ version, path: folder });
    }
  }
  return folders;
}

interface Mount {
  /** The group that is mounted: `/`, or a container's own where it sees the host's tree. */
  readonly root: string;
  readonly point: string;
}

/** Line format: proc_pid_mountinfo(5). */
function mounts(mountinfo: string, version: 1 | 2): Mount[] {
  const found: Mount[] = [];
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, point] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (root === undefined || point === undefined) continue;
    const fits = version === 2 ? type === 'cgroup2' : type === 'cgroup' && options.split(',').includes('cpu');
    if (fits) found.push({ root: unescapeField(root), point: unescapeField(point) });
  }
  return found;
}

/** mountinfo writes blanks as \040. */
function unescapeField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function ancestors(mount: Mount, group: string): string[] {
  // A group outside the mounted part (`/..` of a foreign namespace) is out of sight: the mount itself then counts.
  const within = posix.relative(mount.root, group);
  const folders: string[] = [];
  let folder = within === '..' || within.startsWith('.//') ? '' : within;
  for (;;) {
    folders.push(posix.join(mount.point, folder));
    if (folder === '' || folder === '.') return folders;
    folder = posix.dirname(folder);
  }
}

function quotaV2(folder: string, read: ReadText): number {
  const [quota, period] = (read(`${folder}/cpu.max`) ?? '').trim().split(/\s+/);
  return cores(quota, period);
}

function quotaV1(folder: string, read: ReadText): number {
  return cores(read(`${folder}/cpu.cfs_quota_us`)?.trim(), read(`${folder}/cpu.cfs_period_us`)?.trim());
}

/** `max`, -1 and whatever is no number: no quota. */
function cores(quotaUs: string | undefined, periodUs: string | undefined): number {
  const share = Number(quotaUs) / Number(periodUs);
  return share > 0 ? share : Number.POSITIVE_INFINITY;
}

/** Cores that this very process may use now. */
export function readCores(): number {
  return usableCores(availableParallelism(), readText);
}

export const readText: ReadText = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};
