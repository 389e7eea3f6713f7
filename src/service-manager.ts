// What a service manager (systemd) says to the process that it starts: where it wants to be told (sd_notify), how often
// it wants to hear that all is well, and which sockets it has opened for it. Pure.

/** They are for this process alone: what it starts must not believe that it is meant. */
export const serviceVariables = [
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
] as const;

export interface ServiceManager {
  /** A socket's path, or `@` and an abstract name; undefined: nobody wants to be told. */
  readonly notifySocket: string | undefined;
  /** It wants to hear at least once in so long that all is well. */
  readonly watchdogMs: number | undefined;
  /** Listening sockets, from descriptor 3 on. */
  readonly sockets: number;
}

/** @param pid this process: what is said to another one does not count */
export function serviceManagerOf(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): ServiceManager {
  const isForUs = (given: string | undefined): boolean => given === undefined || Number(given) === pid;
  const watchdogMs = Number(env.WATCHDOG_USEC) / 1_000;
  const sockets = Number(env.LISTEN_FDS);
  return {
    notifySocket: env.NOTIFY_SOCKET || undefined,
    watchdogMs: watchdogMs > 0 && isForUs(env.WATCHDOG_PID) ? watchdogMs : undefined,
    // Here it must be said: somebody else's sockets would be taken for ours.
    sockets: Number.isInteger(sockets) && sockets > 0 && Number(env.LISTEN_PID) === pid ? sockets : 0,
  };
}
