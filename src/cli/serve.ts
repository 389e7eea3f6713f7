// The command that serves: settings → primary → exit code, and the one line for the user where it cannot.
import type { Config } from '../config.js';
import { createLogger } from '../log.js';
import type { ExitCode } from '../primary/exit-codes.js';
import { runPrimary } from '../primary/run.js';
import { complain } from './failure.js';

/**
 * @param pwd what the shell calls the working folder
 * @returns the exit code, once all is over
 */
export async function serve(config: Config, pwd: string | undefined): Promise<ExitCode> {
  const log = createLogger(config.logLevel, { process: 'primary' });
  const { code, line } = await runPrimary({ config, log, pwd });
  if (line !== undefined) complain(line);
  return code;
}
