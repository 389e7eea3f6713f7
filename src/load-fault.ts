// What is said of a file whose import takes its process along, or never ends. Only who watches from outside can say it:
// the primary, and the check.

/** Why a file cannot be loaded. `final`: another attempt would not change it. */
export interface LoadFault {
  readonly line: string;
  readonly final: boolean;
}

/** Signals by which a process ends itself: what is killed from outside may be loaded the next time. */
const ownSignals = new Set(['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP']);

export function endedWhileLoading(file: string, code: number | null, signal: string | null): LoadFault {
  const how = signal === null ? `with code ${code}` : `by ${signal}`;
  return {
    line: `${file}: its process ended ${how} while the file was being imported`,
    final: signal === null || ownSignals.has(signal),
  };
}

export function neverLoaded(file: string, bootTimeoutMs: number): LoadFault {
  return { line: `${file}: could not be imported within ${bootTimeoutMs} ms (BOOT_TIMEOUT_MS)`, final: true };
}
