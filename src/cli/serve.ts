// The command that serves: settings → primary → exit code, and the one line for the user where it cannot.
import type { Config, Values } from '../config.js';
import { createLogger } from '../log.js';
import type { ExitCode } from '../primary/exit-codes.js';
import { runPrimary } from '../primary/run.js';
import { serviceManagerOf } from '../service-manager.js';
import { complain } from './failure.js';

/**
 * @param env what the shell calls the working folder (PWD), and what a service manager says
 * @returns the exit code, once all is over
 */
export async function serve(config: Config, env: Values): Promise<ExitCode> {
  const log = createLogger(config.logLevel, { process: 'primary' });
  const { code, line } = await runPrimary({
    config,
    log,
    pwd: env.PWD,
    path: env.PATH,
    manager: serviceManagerOf(env, process.pid),
  });
  if (line !== undefined) complain(line);
  return code;
}
