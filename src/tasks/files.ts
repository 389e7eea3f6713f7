// How a task's file is named, and what its name means. Reading the files is registry.ts.
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { builtFile } from '../package-files.js';

/** The folder of the built-in tasks, as they were built. */
export const builtInTasks = builtFile('workers/');

const builtInModules = pathToFileURL(builtInTasks).href;

/** @param module a task's, as a file:// URL */
export const isBuiltIn = (module: string): boolean => module.startsWith(builtInModules);

/** First segments of routes that are the server's own. */
const reserved = new Set(['io', 'livez', 'readyz', 'docs', 'openapi']);

const nameRule = /^[A-Za-z][\w-]*(\.[A-Za-z0-9][\w-]*)*$/;

/** The name of the task in a file; undefined for files that are passed over: no modules, or beginning with `_` or `.` */
export function taskName(file: string): string | undefined {
  const name = basename(file);
  if (!/\.[cm]?[jt]s$/.test(name) || /^[._]|\.d\.[cm]?ts$/.test(name)) return undefined;
  return name.replace(/\.\w+$/, '');
}

/** Why no task may be named so, or undefined. */
export function nameFault(name: string): string | undefined {
  if (!nameRule.test(name))
    return 'a task is named by letters, digits, - and _ (a dot becomes a / of its route)';
  return reserved.has(name.split('.', 1)[0] ?? '') ? `the name ${name} is reserved` : undefined;
}

/** `hash.verify` → `/hash/verify` */
export function taskRoute(name: string): string {
  return `/${name.replaceAll('.', '/')}`;
}
