// Whether two machines have the same version of a task: a digest of its file and of what it imports, wherever they lie.
// Installed packages are not looked at.
import { createHash } from 'node:crypto';
import type { CodeFiles } from './pinned-code.js';

export function codeDigest(files: CodeFiles, module: string): string {
  const hash = createHash('sha256');
  const seen = new Set([module]);
  // In the order in which they are found, which their own text decides; paths differ between machines.
  for (const url of seen) {
    const file = files.get(url);
    if (file === undefined) continue;
    hash.update(`${file.source.length} ${file.source}`);
    for (const [specifier, target] of file.imports) {
      hash.update(`${specifier.length} ${specifier}`);
      seen.add(target.replace(/[?#].*$/, ''));
    }
  }
  return hash.digest('base64url');
}
