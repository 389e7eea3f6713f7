// Which millrace this is. The one reader of package.json at run time.
import { readFileSync } from 'node:fs';

/** As in package.json. */
export function millraceVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version }: { version?: unknown } = JSON.parse(text);
  return typeof version === 'string' ? version : 'unknown';
}
