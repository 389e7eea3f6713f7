// The command that serves: settings → primary → exit code, and the one line for the user where it cannot.
import type { Config } from '../config.js';
import { createLogger } from '../log.js';
import type { ExitCode } from '../primary/exit-codes.js';
import { runPrimary } from '../primary/run.js';
import { complain } from './failure.js';

/** @returns the exit code, once all is over */
export async function serve(config: Config): Promise<ExitCode> {
  const log = createLogger(config.logLevel, { process: 'primary' });
  const { code, line } = await runPrimary({ config, log });
  if (line !== undefined) complain(line);
  return code;
}
