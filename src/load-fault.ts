// What is said of a file whose import, or the app's setup, takes its process along or never ends. Only who watches from
// outside can say it: the primary, and the check.

/** What of a file runs: the file itself, or the function that an app's file gives to defineApp. */
export type LoadStep = 'import' | 'setup';

export interface Loading {
  readonly file: string;
  readonly step: LoadStep;
}

/** As it is called in messages. */
export const theSetup = 'its setup (the function given to defineApp)';

/** Why a file cannot be loaded. `final`: another attempt would not change it. */
export interface LoadFault {
  readonly line: string;
  readonly final: boolean;
}

/** Signals by which a process ends itself: what is killed from outside may be loaded the next time. */
const ownSignals = new Set(['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP']);

export function endedWhileLoading(
  { file, step }: Loading,
  code: number | null,
  signal: string | null,
): LoadFault {
  const how = signal === null ? `with code ${code}` : `by ${signal}`;
  const during = { import: 'the file was being imported', setup: `${theSetup} ran` }[step];
  return {
    line: `${file}: its process ended ${how} while ${during}`,
    final: signal === null || ownSignals.has(signal),
  };
}

export function neverLoaded({ file, step }: Loading, bootTimeoutMs: number): LoadFault {
  const late = { import: 'could not be imported', setup: `${theSetup} did not end` }[step];
  return { line: `${file}: ${late} within ${bootTimeoutMs} ms (BOOT_TIMEOUT_MS)`, final: true };
}
