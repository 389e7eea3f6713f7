// The folders that a path lies in, the nearest first. Text alone: no link is followed.
import { dirname } from 'node:path';

/** @param path absolute; itself not among them */
export function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [above, ...foldersAbove(above)];
}
