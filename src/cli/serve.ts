// The command that serves: settings → primary → exit code, and the one line for the user where it cannot.
import { ConfigError, readConfig, type Values } from '../config.js';
import { createLogger } from '../log.js';
import { exitCodes } from '../primary/exit-codes.js';
import { runPrimary } from '../primary/run.js';
import { readFlags } from './flags.js';

/** @returns the exit code, once all is over */
export async function serve(args: readonly string[], env: Values): Promise<number> {
  try {
    const config = readConfig(env, readFlags(args));
    const log = createLogger(config.logLevel, { process: 'primary' });
    const { code, line } = await runPrimary({ config, log });
    if (line !== undefined) complain(line);
    return code;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    complain(error.message);
    return exitCodes.unusable;
  }
}

function complain(line: string): void {
  process.stderr.write(`millrace: ${line.replaceAll('\n', ' ')}\n`);
}
