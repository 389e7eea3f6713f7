// What a thread is made of: its first file, and the code that it imports, kept as it is now.
import { builtFile } from '../../package-files.js';
import { addCode, type CodeFiles, type PinnedCode, pinCode } from '../../tasks/pinned-code.js';
import type { Task } from '../../tasks/registry.js';
import { withoutSchemas } from '../../tasks/result.js';
import type { ThreadTask } from '../../thread/protocol.js';

export const threadBoot = builtFile('src/thread/thread-boot.js');
const threadEntry = builtFile('src/thread/thread-entry.js');

export function threadCode(tasks: readonly Task[]): PinnedCode {
  const files: CodeFiles = new Map(tasks.flatMap(({ code }) => [...code]));
  addCode(files, threadEntry);
  return pinCode(files.values());
}

export function threadTask({ module, definition }: Task): ThreadTask {
  return { module, runFrom: definition.runFrom?.href, output: withoutSchemas(definition) };
}
