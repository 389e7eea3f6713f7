// Answers that wait for something to happen, and are to end when this process leaves.

export interface Closers {
  /** True once all were asked to end. */
  readonly isClosed: boolean;
  /** Called once, at the latest when this process leaves. @returns what forgets it */
  add(close: () => void): () => void;
  closeAll(): void;
}

export function createClosers(): Closers {
  const open = new Set<() => void>();
  let isClosed = false;
  return {
    get isClosed() {
      return isClosed;
    },
    add(close) {
      // Not at once: whoever adds it has not yet what it closes.
      if (isClosed) queueMicrotask(close);
      else open.add(close);
      return () => void open.delete(close);
    },
    closeAll() {
      isClosed = true;
      for (const close of open) close();
      open.clear();
    },
  };
}
