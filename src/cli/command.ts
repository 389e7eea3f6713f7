// Reads the command line: which command, with which flags. What the settings' values mean is config.ts.
import { parseArgs } from 'node:util';
import { ConfigError, quote, settings, type Values } from '../config.js';

/** Every command: its arguments, and one line for the help. */
export const commands = {
  serve: {
    arguments: '[APP]',
    prose:
      'Serves until SIGTERM or Ctrl-C. What millrace does without a command; `millrace ./app.js` serves your own app.',
  },
  check: {
    arguments: '[APP]',
    prose:
      'Checks settings, task files, the app, addresses and folders, and tells what would run, without starting it.',
  },
  status: { arguments: '', prose: 'Shows the running cluster: server processes, threads, queues, tasks.' },
  reload: {
    arguments: '',
    prose: 'Replaces the server processes one by one, with code and task files read anew.',
  },
  jobs: {
    arguments: '[show|retry|cancel ID]',
    prose:
      'Lists the jobs of the running cluster, newest first; shows one, has a failed one tried again, cancels one.',
  },
  'new-task': {
    arguments: 'NAME',
    prose:
      'Writes a task file that works as it is: into --tasks, into ./tasks, or into ./workers of a checkout.',
  },
  init: {
    arguments: 'DIR',
    prose: 'Writes a small project that runs: an app, a task, a test. DIR must be empty, or not there.',
  },
} as const;

export type CommandName = keyof typeof commands;

interface FlagDeclaration {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly prose: string;
  /** The commands that take it; undefined: all. */
  readonly only?: readonly CommandName[];
}

/** Flags beside those that stand for settings. */
export const ownFlags: Readonly<Record<string, FlagDeclaration>> = {
  'admin-url': {
    type: 'string',
    only: ['status', 'reload', 'jobs'],
    prose: 'Where the admin server is, if not at ADMIN_HOST:ADMIN_PORT.',
  },
  wait: {
    type: 'boolean',
    only: ['reload'],
    prose: 'reload: ends when the reload has, with 1 and the reason where it was aborted.',
  },
  json: { type: 'boolean', only: ['status', 'jobs'], prose: 'status, jobs: as JSON.' },
  state: { type: 'string', only: ['jobs'], prose: 'jobs: only those that are so (waiting, running, …).' },
  help: { type: 'boolean', short: 'h', prose: 'Prints this.' },
  version: { type: 'boolean', short: 'v', prose: 'Prints the version.' },
};

export interface Command {
  readonly name: CommandName | 'help' | 'version';
  /** The command's arguments, as many as it takes. */
  readonly operands: readonly string[];
  /** Flags that stand for settings, by name. */
  readonly flags: Values;
  readonly adminUrl: string | undefined;
  readonly json: boolean;
  readonly wait: boolean;
  readonly state: string | undefined;
}

/**
 * @param args without node and the script
 * @throws ConfigError for what is not declared, or comes without its value
 */
export function readCommand(args: readonly string[]): Command {
  const { texts, switches, words } = tokensOf(args);
  const [word = 'serve', ...behind] = words;
  const name = isFile(word) ? 'serve' : commandName(word);
  const operands = isFile(word) ? words : behind;
  const wanted = switches.has('help') ? 'help' : switches.has('version') ? 'version' : name;
  if (wanted === name) {
    checkFlags(name, [...texts.keys(), ...switches]);
    checkOperands(name, operands);
  }
  const { 'admin-url': adminUrl, state, ...given } = Object.fromEntries(texts);
  const [app] = operands;
  const flags = takesApp(name) && app !== undefined ? { app, ...given } : given;
  const [json, wait] = [switches.has('json'), switches.has('wait')];
  return { name: wanted, operands, flags, adminUrl, json, wait, state };
}

const takesApp = (name: CommandName | 'help'): boolean => name === 'serve' || name === 'check';

/** The file of an app, which needs no command in front of it. */
function isFile(word: string): boolean {
  return /[/\\]|\.[cm]?[jt]s$/.test(word);
}

interface Tokens {
  /** Flags with a value. */
  readonly texts: ReadonlyMap<string, string>;
  /** Flags without one. */
  readonly switches: ReadonlySet<string>;
  readonly words: readonly string[];
}

function tokensOf(args: readonly string[]): Tokens {
  const options = flagOptions();
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const texts = new Map<string, string>();
  const switches = new Set<string>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const type = Object.hasOwn(options, name) ? options[name]?.type : undefined;
    if (type === undefined) throw misuse(`unknown flag ${quote(rawName)}`);
    if (type === 'boolean') {
      if (value !== undefined) throw misuse(`${rawName} takes no value`);
      switches.add(name);
    } else {
      // What begins with a dash is rather the next flag.
      if (value === undefined || (!inlineValue && value.startsWith('-')))
        throw misuse(`${rawName} needs a value`);
      texts.set(name, value);
    }
  }
  return { texts, switches, words };
}

function flagOptions(): Record<string, { type: 'string' | 'boolean'; short?: string }> {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {};
  for (const one of Object.values(settings))
    if ('flag' in one && one.flag) options[one.flag] = { type: 'string' };
  for (const [name, { type, short }] of Object.entries(ownFlags)) {
    options[name] = short === undefined ? { type } : { type, short };
  }
  return options;
}

function commandName(word: string): CommandName | 'help' {
  if (word === 'help') return word;
  const name = (Object.keys(commands) as CommandName[]).find((one) => one === word);
  if (name === undefined) throw misuse(`unknown command ${quote(word)}`);
  return name;
}

function checkFlags(name: CommandName | 'help', flags: readonly string[]): void {
  for (const flag of flags) {
    const only = ownFlags[flag]?.only;
    if (only !== undefined && !only.some((one) => one === name)) throw misuse(`${name} takes no --${flag}`);
  }
}

function checkOperands(name: CommandName | 'help', operands: readonly string[]): void {
  const most = name === 'jobs' ? 2 : name === 'new-task' || name === 'init' || takesApp(name) ? 1 : 0;
  if ((name === 'new-task' || name === 'init') && operands.length < most)
    throw misuse(`${name} needs a ${commands[name].arguments}`);
  if (operands.length > most)
    throw misuse(`${name} does not know what to do with ${quote(operands[most] ?? '')}`);
}

function misuse(what: string): ConfigError {
  return new ConfigError(`${what}; see millrace --help`);
}
