// The signals that both kinds of process know. What they mean to the primary is primary/signals.ts; server processes
// hear none of them, for many are sent to the whole process group.

export const stopSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;

export const verbSignals = ['SIGHUP', 'SIGTTIN', 'SIGTTOU'] as const;

/**
 * They would end the process, or open Node's debugger to whoever is on this machine (SIGUSR1). Node itself ignores
 * SIGPIPE and SIGXFSZ. Listening for the signals of faults (SIGSEGV, SIGBUS, …) is not safe, and SIGPROF is V8's.
 */
export const ignoredSignals = ['SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGVTALRM', 'SIGIO'] as const;
