// One timer for all deadlines: a binary heap of moments, and a single timeout for the earliest.

export interface Alarm {
  /** On the clock of monotonicMs(). */
  readonly atMs: number;
  /** Where it stands in the heap; -1: not set. Kept by Deadlines alone. */
  index: number;
  ring(): void;
}

export interface Deadlines {
  set(atMs: number, ring: () => void): Alarm;
  /** Idempotent. */
  clear(alarm: Alarm): void;
  close(): void;
}

/** @param now the clock of the alarms, in ms */
export function createDeadlines(now: () => number): Deadlines {
  const heap: Alarm[] = [];
  let timer: NodeJS.Timeout | undefined;
  let timerAtMs = Number.POSITIVE_INFINITY;

  function arm(): void {
    const first = heap[0];
    if (first === undefined || first.atMs >= timerAtMs) return;
    clearTimeout(timer);
    timerAtMs = first.atMs;
    timer = setTimeout(fire, Math.min(Math.max(0, Math.ceil(first.atMs - now())), 2_147_483_647));
  }

  function fire(): void {
    timer = undefined;
    timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = now();
    for (let first = heap[0]; first !== undefined && first.atMs <= nowMs; first = heap[0]) {
      remove(first);
      first.ring();
    }
    arm();
  }

  function remove(alarm: Alarm): void {
    const { index } = alarm;
    const last = heap.pop();
    alarm.index = -1;
    if (last === undefined || last === alarm) return;
    put(last, index);
    sink(last);
    rise(last);
  }

  function put(alarm: Alarm, index: number): void {
    heap[index] = alarm;
    alarm.index = index;
  }

  function rise(alarm: Alarm): void {
    while (alarm.index > 0) {
      const parent = heap[(alarm.index - 1) >> 1];
      if (parent === undefined || parent.atMs <= alarm.atMs) return;
      swap(alarm, parent);
    }
  }

  function sink(alarm: Alarm): void {
    for (;;) {
      const left = heap[2 * alarm.index + 1];
      const right = heap[2 * alarm.index + 2];
      const child = right !== undefined && left !== undefined && right.atMs < left.atMs ? right : left;
      if (child === undefined || alarm.atMs <= child.atMs) return;
      swap(alarm, child);
    }
  }

  function swap(a: Alarm, b: Alarm): void {
    const { index } = a;
    put(a, b.index);
    put(b, index);
  }

  return {
    set(atMs, ring) {
      const alarm: Alarm = { atMs, index: heap.length, ring };
      heap.push(alarm);
      rise(alarm);
      arm();
      return alarm;
    },
    clear(alarm) {
      if (alarm.index < 0) return;
      remove(alarm);
      // The timer stays: an early wake-up that finds nothing to do is cheaper than re-arming for every answer.
      if (heap.length === 0) {
        clearTimeout(timer);
        timer = undefined;
        timerAtMs = Number.POSITIVE_INFINITY;
      }
    },
    close() {
      clearTimeout(timer);
      for (const alarm of heap) alarm.index = -1;
      heap.length = 0;
    },
  };
}
