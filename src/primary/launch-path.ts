// From which path server processes are started: as it was given, through symbolic links, so that a deploy which turns
// a link (`current`) is followed. Node has replaced the link of the working folder by what it led to at the start.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { foldersAbove } from '../folders-above.js';

export interface LaunchPath {
  /** The script of the server processes. */
  readonly entry: string;
  /** The working folder at the start: relative settings mean what lies there, whatever a link leads to by then. */
  readonly folder: string;
}

export interface Start {
  /** `process.argv[1]`: absolute; where it was given as a relative path, by way of `cwd`. */
  readonly script: string;
  /** The working folder, without links. */
  readonly cwd: string;
  /** What the shell calls that folder (the variable PWD), if anything. */
  readonly pwd?: string | undefined;
}

/**
 * The folder's own name is what the shell says, or a part of the script's path that leads there: a service manager sets
 * the folder without saying how it was written.
 */
export function launchPath({ script, cwd, pwd }: Start): LaunchPath {
  const names = [...(pwd === undefined ? [] : [pwd]), ...foldersAbove(script)];
  const folder = names.find((name) => isAbsolute(name) && target(name) === cwd) ?? cwd;
  const isBelow = script.startsWith(cwd.endsWith(sep) ? cwd : `${cwd}${sep}`);
  return { entry: isBelow ? join(folder, relative(cwd, script)) : script, folder };
}

/** Where to start a process now. Its own folder may be gone with an old release: a process without one cannot start. */
export function startFolder({ folder, entry }: LaunchPath): string {
  return [folder, dirname(entry)].find((name) => existsSync(name)) ?? sep;
}

function target(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
