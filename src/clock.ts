// Time that means the same in every thread of a process.

/** Monotonic milliseconds, comparable between the event loop and the threads (performance.now() is not). */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}
