// The command line: from arguments to an exit code. Each command is a file of its own, loaded when it is asked for.
import { readConfig, type Values } from '../config.js';
import { type ExitCode, exitCodes } from '../primary/exit-codes.js';
import { obeyEarlySignals } from '../primary/signals.js';
import { millraceVersion } from '../version.js';
import { type Command, readCommand } from './command.js';
import { failed } from './failure.js';

/**
 * @param args without node and the script
 * @returns the exit code, once all is over
 */
export async function run(args: readonly string[], env: Values): Promise<ExitCode> {
  try {
    return await obey(readCommand(args), env);
  } catch (error) {
    return failed(error);
  }
}

async function obey(command: Command, env: Values): Promise<ExitCode> {
  switch (command.name) {
    case 'help':
      print((await import('./help.js')).helpText(millraceVersion()));
      break;
    case 'version':
      print(millraceVersion());
      break;
    case 'serve':
      obeyEarlySignals();
      return await (await import('./serve.js')).serve(readConfig(env, command.flags), env);
    case 'check':
      print(await (await import('./check.js')).check(readConfig(env, command.flags)));
      break;
    case 'status':
      print(await (await import('./status.js')).status(await adminOf(command, env), command.json));
      break;
    case 'reload':
      print(await (await import('./reload.js')).reload(await adminOf(command, env), command.wait));
      break;
    case 'jobs':
      print(await (await import('./jobs.js')).jobs(await adminOf(command, env), command));
      break;
    case 'init':
      print(await (await import('./init.js')).init(command.operands[0] ?? ''));
      break;
    case 'new-task':
      print(
        await (await import('./new-task.js')).newTask(
          command.operands[0] ?? '',
          readConfig(env, command.flags),
        ),
      );
  }
  return exitCodes.ok;
}

async function adminOf({ adminUrl: given, flags }: Command, env: Values): Promise<URL> {
  return (await import('./admin-client.js')).adminUrl(given, env, flags);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
