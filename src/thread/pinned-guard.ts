// Sees to it that what a thread imports is as it was when its server process started. Where all files are as they were
// this costs a look at each; else the code that was kept is served by module hooks, from then on.
import * as nodeModule from 'node:module';
import { changedFile } from '../tasks/fingerprints.js';
import type { PinnedCode } from '../tasks/pinned-code.js';

/** A thread may have half of what was there before, and half of what is there now. */
export class CodeChangedError extends Error {
  override readonly name = 'CodeChangedError';
  constructor(path: string) {
    super(`${path} has changed while a thread was being loaded`);
  }
}

export interface PinnedCodeGuard {
  /** Files have changed: what is imported comes from memory. */
  readonly isServing: boolean;
  /**
   * To be around all that imports code.
   * @throws whatever `act` throws; CodeChangedError where a file has changed in the meantime, whatever came of `act`
   */
  around<T>(act: () => Promise<T>): Promise<T>;
}

export function guardPinnedCode(pinned: PinnedCode | undefined): PinnedCodeGuard {
  let serving: Promise<void> | undefined;
  let isInside = false;

  async function look<T>({ prints, memory }: PinnedCode, act: () => Promise<T>): Promise<T> {
    if (changedFile(prints) !== undefined) serving = serveFrom(memory);
    if (serving !== undefined) {
      await serving;
      return act();
    }
    const [settled] = await Promise.allSettled([act()]);
    // The next thread will find it changed before it imports anything.
    const changed = changedFile(prints);
    if (changed !== undefined) throw new CodeChangedError(changed);
    if (settled.status === 'rejected') throw settled.reason;
    return settled.value;
  }

  return {
    get isServing() {
      return serving !== undefined;
    },
    async around(act) {
      // A thread loads one thing at a time; what is inside of another is looked at with that.
      if (pinned === undefined || serving !== undefined || isInside) return act();
      isInside = true;
      try {
        return await look(pinned, act);
      } finally {
        isInside = false;
      }
    },
  };
}

async function serveFrom(memory: SharedArrayBuffer): Promise<void> {
  const { initialize, resolve, load, pathOf } = await import('./pinned-hooks.js');
  initialize(memory);
  const registerHooks: unknown = Reflect.get(nodeModule, 'registerHooks');
  if (typeof registerHooks === 'function') registerHooks({ resolve, load });
  // Node 20: without registerHooks (as 22 before 22.15), which runs the hooks in this thread.
  else nodeModule.register('./pinned-hooks.js', import.meta.url, { data: memory });
  // Node 20 and 22: a `require` in a CommonJS module that hooks have served looks for the file on disk first, in this
  // way, and asks the hooks for what it has found. From 24 on it asks them at once.
  if (Number.parseInt(process.versions.node, 10) >= 24) return;
  const commonJs: object = nodeModule.Module;
  const onDisk: unknown = Reflect.get(commonJs, '_resolveFilename');
  if (typeof onDisk !== 'function') return;
  Reflect.set(commonJs, '_resolveFilename', (specifier: string, from?: NodeJS.Module, ...more: unknown[]) => {
    const kept = pathOf(specifier, from?.filename);
    return kept ?? Reflect.apply(onDisk, commonJs, [specifier, from, ...more]);
  });
}
