// Reads the command line: the flags that config.ts declares. What the values mean is config.ts.
import { parseArgs } from 'node:util';
import { ConfigError, settings, type Values } from '../config.js';

/**
 * @param args without node and the script
 * @throws ConfigError for a flag that is not declared, comes without its value, or is no flag
 */
export function readFlags(args: readonly string[]): Values {
  const declared = Object.values(settings).flatMap((one) => ('flag' in one && one.flag ? [one.flag] : []));
  const options = Object.fromEntries(declared.map((name) => [name, { type: 'string' as const }]));
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const flags: Record<string, string> = {};
  for (const token of tokens) {
    if (token.kind === 'positional') throw new ConfigError(`unknown command ${JSON.stringify(token.value)}`);
    if (token.kind !== 'option') continue;
    if (!declared.includes(token.name)) throw new ConfigError(`unknown flag ${token.rawName}`);
    if (token.value === undefined) throw new ConfigError(`${token.rawName} needs a value`);
    flags[token.name] = token.value;
  }
  return flags;
}
