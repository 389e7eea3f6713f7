// Watches over the import of files that others have written, and over an app's setup: what they leave behind in their
// process meanwhile is their fault, and is told with the file's name; what comes of it later, where the stack says whose it is.
// What ends the process meanwhile, or keeps it busy, only its parent can see: it is told which file it is, and what of it
// runs.
import { realpathSync } from 'node:fs';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { type LoadStep, theSetup } from '../load-fault.js';
import { errorReport, reasonOf } from './error-report.js';
import { TaskFileError } from './registry.js';

export interface LoadWatch {
  /**
   * To be called before a file is imported. Resolves when what the one before has left behind would have shown.
   */
  importing(file: string): Promise<void>;
  /** To be called before the setup of an app's file is run. Resolves like `importing`. */
  settingUp(file: string): Promise<void>;
  /**
   * Runs what imports files. Resolves as soon as that does; the watch goes on until it is `settled`, which is to be waited
   * for before anything else is run here, and before anybody is served.
   * @throws TaskFileError for what one of them has left behind, or that it waits for what cannot come
   */
  run<T>(load: () => Promise<T>): Promise<T>;
  /**
   * Resolves when what the last one has left behind would have shown.
   * @throws TaskFileError as `run`
   */
  settled(): Promise<void>;
  /** An error that nobody caught: true where it is the files', and will be told by `run`. */
  takesError(thrown: unknown): boolean;
  /**
   * Of an error that nobody caught and that is not taken any more: the fault of the file whose code threw it, by its stack.
   * An app that was set up is none of them: what it does later is its own affair.
   */
  laterError(thrown: unknown): TaskFileError | undefined;
  /** To be asked where `process.exit` is called, once a file is watched no longer: the fault of the one that calls it. */
  exitBy(code: number): TaskFileError | undefined;
}

/** For who is alone in its process with what it imports, a test say. */
export const unwatched: LoadWatch = {
  importing: async () => {},
  settingUp: async () => {},
  run: (load) => load(),
  settled: async () => {},
  takesError: () => false,
  laterError: () => undefined,
  exitBy: () => undefined,
};

/** A timer that throws does so mostly at once. */
const settleMs = 20;

const waitsInVain: Readonly<Record<LoadStep, string>> = {
  import: 'its top-level await waits for what never comes',
  setup: `${theSetup} waits for what never comes`,
};

const leavesError: Readonly<Record<LoadStep, string>> = {
  import: 'leaves an error behind when it is imported',
  setup: `${theSetup} leaves an error behind`,
};

/** @param tell the file that is being imported or set up, and null when none is any more */
export function createLoadWatch(tell: (file: string | null, step: LoadStep) => void): LoadWatch {
  let files: readonly string[] = [];
  let app: string | undefined;
  let step: LoadStep = 'import';
  /** There while they are watched. */
  let fail: ((error: TaskFileError) => void) | undefined;
  let settling: Promise<void> | undefined;

  function fileOf(thrown: unknown): string | undefined {
    const stack = errorReport(thrown).stack ?? '';
    return files.find((file) =>
      namesOf(file).some((name) => stack.includes(pathToFileURL(name).href) || stack.includes(`${name}:`)),
    );
  }

  function laterFault(thrown: unknown, what: string): TaskFileError | undefined {
    const file = fileOf(thrown);
    return file === undefined || file === app ? undefined : new TaskFileError(file, what, thrown);
  }

  async function begin(file: string, next: LoadStep): Promise<void> {
    await turn();
    files = [...files, file];
    step = next;
    tell(file, step);
  }

  function end(): void {
    fail = undefined;
    tell(null, step);
  }

  return {
    importing: (file) => begin(file, 'import'),
    settingUp(file) {
      app = file;
      return begin(file, 'setup');
    },
    async run(load) {
      const faults = new Promise<never>((_, reject) => {
        fail = reject;
      });
      const onEmpty = (): void => {
        const file = files.at(-1);
        if (file !== undefined) fail?.(new TaskFileError(file, waitsInVain[step]));
      };
      // With the channel to the parent alone nothing can settle what the file waits for: then Node says so.
      const { channel } = process;
      process.on('beforeExit', onEmpty);
      channel?.unref();
      try {
        const loaded = await Promise.race([load(), faults]);
        settling = Promise.race([delay(settleMs), faults]).finally(end);
        // Who waits for it may come to it later.
        settling.catch(() => undefined);
        return loaded;
      } catch (error) {
        end();
        throw error;
      } finally {
        process.off('beforeExit', onEmpty);
        channel?.ref();
      }
    },
    settled: async () => settling,
    takesError(thrown) {
      if (fail === undefined || files.length === 0) return false;
      fail(
        new TaskFileError(
          fileOf(thrown) ?? files.at(-1) ?? '',
          `${leavesError[step]}: ${reasonOf(thrown)}${listenHint(thrown)}`,
          thrown,
        ),
      );
      return true;
    },
    laterError: (thrown) => laterFault(thrown, `leaves an error behind: ${reasonOf(thrown)}`),
    exitBy(code) {
      if (fail !== undefined) return undefined;
      return laterFault(new Error('process.exit()'), `ends its process: it calls process.exit(${code})`);
    },
  };
}

/** As it was given, and as Node has it where a link leads there. */
function namesOf(file: string): string[] {
  try {
    return [file, realpathSync(file)];
  } catch {
    return [file];
  }
}

/** Express apps listen by themselves elsewhere. */
function listenHint(thrown: unknown): string {
  const isInUse = thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE';
  return isInUse ? ' (an app leaves out app.listen: millrace listens for it, at HOST and PORT)' : '';
}
