// What the command does, from a program: the primary is a process of its own, which this one starts, reloads and closes.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { settings } from '../config.js';
import { builtFile } from '../package-files.js';
import { type FromParent, isToParent, type Listening, type ToParent } from '../parent-messages.js';
import type { TaskSource } from './lane.js';
import { type SettingsOptions, variablesOf } from './settings.js';

export interface ServeOptions extends Omit<SettingsOptions, 'tasksDir'> {
  /** The folder of tasks. Default: `tasks` beside the app's file, if it is there. */
  readonly tasks?: TaskSource;
}

export interface Served {
  /** `unix:/path` where `host` is a socket file. */
  readonly url: string;
  /** The path of that file, for node:http's `socketPath`; null: there is none. */
  readonly socket: string | null;
  /** Null: there is no admin server. */
  readonly adminUrl: string | null;
  /** The primary's. */
  readonly pid: number;
  /** Replaces the server processes by new ones, which read code and task files anew. Rejects where that was aborted. */
  reload(): Promise<void>;
  /** Drains and ends it. Idempotent. @returns the exit code: 0 where everybody had their answer */
  close(): Promise<number>;
  /** Its exit code, whenever and however it ends. */
  readonly exited: Promise<number>;
}

const main = builtFile('src/main.js');

/**
 * Resolves when all server processes are ready. Its log goes to this process's stdout; the settings of the environment
 * do not count. It ends with this process.
 * @throws Error with the primary's last line where it cannot serve; TypeError for a name that is no setting
 */
export async function serve({ tasks, ...given }: ServeOptions): Promise<Served> {
  const env = { ...withoutSettings(process.env), ...variablesOf({ ...given, tasksDir: tasks }) };
  const child = spawn(process.execPath, [...nodeFlags(process.execArgv), main], {
    env,
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  const exited = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : 1));
  const listening = await listensAt(child, exited);
  let lastId = 0;

  async function reload(): Promise<void> {
    const id = ++lastId;
    const told = heard(child, (message) => message.millrace === 'reloaded' && message.id === id);
    say(child, { millrace: 'reload', id });
    const answer = await Promise.race([told, exited.then(() => undefined)]);
    if (answer?.millrace !== 'reloaded') throw new Error('not reloaded: the server has ended');
    if (answer.reason !== null) throw new Error(`not reloaded: ${answer.reason}`);
  }

  return {
    ...listening,
    reload,
    close() {
      say(child, { millrace: 'close' });
      return exited;
    },
    exited,
  };
}

/** Those of this program (`--import ./otel.js`), but for a program that stands in its flags: it would start itself. */
function nodeFlags(flags: readonly string[]): readonly string[] {
  return flags.some((flag) => /^(-e|-p|-pe|--eval|--print)(=|$)/.test(flag)) ? [] : flags;
}

async function listensAt(child: ChildProcess, exited: Promise<number>): Promise<Listening> {
  let lastLine = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    process.stderr.write(text);
    lastLine = text.trimEnd().split('\n').at(-1) ?? lastLine;
  });
  const told = heard(child, ({ millrace }) => millrace === 'listening');
  say(child, { millrace: 'hello' });
  const first = await Promise.race([told, exited]);
  if (typeof first === 'number' || first.millrace !== 'listening')
    throw new Error(lastLine === '' ? `the server ended with exit code ${first}` : lastLine);
  const { url, socket, adminUrl, pid } = first;
  return { url, socket, adminUrl, pid };
}

function heard(child: ChildProcess, fits: (message: ToParent) => boolean): Promise<ToParent> {
  return new Promise((resolve) => {
    const listen = (message: unknown): void => {
      if (!isToParent(message) || !fits(message)) return;
      child.off('message', listen);
      resolve(message);
    };
    child.on('message', listen);
  });
}

function say(child: ChildProcess, message: FromParent): void {
  if (child.connected) child.send(message, () => undefined);
}

/** A setting is what the program says, else its default: never what happens to be in its environment. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = new Set(
    Object.values(settings).flatMap((one) => [one.variable, 'alias' in one ? one.alias : '']),
  );
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.has(name)));
}
