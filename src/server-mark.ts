// How a process knows that it is a server process of a primary of ours: any program may fork a process by the cluster
// module, and a process manager may do so with the primary itself.

/** An environment variable that the primary sets. It is taken away at once: it is not for what the process starts. */
export const serverMark = 'MILLRACE_SERVER';
