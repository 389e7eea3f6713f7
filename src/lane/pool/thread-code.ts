// What a thread is made of: its first file, and the code that it imports, kept as it is now.
import { fileURLToPath } from 'node:url';
import { addCode, type CodeFiles, type PinnedCode, pinCode } from '../../tasks/pinned-code.js';
import type { Task } from '../../tasks/registry.js';
import { withoutSchemas } from '../../tasks/result.js';
import type { ThreadTask } from '../../thread/protocol.js';

export const threadBoot = fileURLToPath(new URL('../../thread/thread-boot.js', import.meta.url));
const threadEntry = fileURLToPath(new URL('../../thread/thread-entry.js', import.meta.url));

export function threadCode(tasks: readonly Task[]): PinnedCode {
  const files: CodeFiles = new Map(tasks.flatMap(({ code }) => [...code]));
  addCode(files, threadEntry);
  return pinCode(files.values());
}

export function threadTask({ module, definition }: Task): ThreadTask {
  return { module, runFrom: definition.runFrom?.href, output: withoutSchemas(definition) };
}
