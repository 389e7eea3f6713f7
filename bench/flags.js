// The flags of a script: --help says which there are, and one that is not known is one line, not a stack.
import { parseArgs } from 'node:util';

/**
 * @template {Record<string, { type: 'string', default: string } | { type: 'boolean', default: boolean }>} Options
 * @param {string} usage
 * @param {Options} options
 */
export function readFlags(usage, options) {
  if (process.argv.includes('--help')) {
    console.log(usage);
    process.exit();
  }
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(2);
  }
}
