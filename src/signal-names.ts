// The signals that both kinds of process know. What they mean to the primary is primary/signals.ts; server processes
// hear none of them, for many are sent to the whole process group.

/** SIGPWR: power fails, or LXC's `lxc-stop`. */
export const stopSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGPWR'] as const;

export const verbSignals = ['SIGHUP', 'SIGTTIN', 'SIGTTOU'] as const;

/**
 * They would end the process, or open Node's debugger to whoever is on this machine (SIGUSR1). Node itself ignores
 * SIGPIPE and SIGXFSZ.
 */
export const ignoredSignals = [
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGVTALRM',
  'SIGIO',
  'SIGXCPU',
  'SIGSTKFLT',
] as const;

/**
 * They end the process. Who listens for the signals of faults would go on behind the fault; SIGABRT is how service
 * managers ask for a core dump; V8's profiler works by SIGPROF, and a listener would take it away.
 */
export const endingSignals = [
  'SIGKILL',
  'SIGABRT',
  'SIGPROF',
  'SIGSEGV',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGTRAP',
  'SIGSYS',
] as const;
