// What the process's exit code tells whoever started it. 70 and 78 are EX_SOFTWARE and EX_CONFIG of sysexits.h.
export const exitCodes = {
  /** Drained. */
  ok: 0,
  /** Forced, a fault of the primary, or accepted calls were cut. */
  forced: 1,
  /** Server processes never became ready. */
  gaveUp: 70,
  /** A setting, a task file or an address that cannot be used. */
  unusable: 78,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** How a primary ended. `line`: for the user, where it did not end because it was asked to. */
export interface Outcome {
  readonly code: ExitCode;
  readonly line?: string;
}
