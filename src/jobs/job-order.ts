// In which order waiting jobs go: clients in turn, each client's own as they came. Pure.
// Start-time fair queueing with jobs of equal cost: a job's turn is one behind its client's last one, or the turn that is
// on now. A heap for each task, so that who knows only some tasks need not look at the jobs of others.

export interface Placed {
  readonly id: string;
  readonly task: string;
  readonly turn: number;
  /** Order of arrival, among those of one turn. */
  readonly seq: number;
}

export interface JobOrder {
  /** The turn of the client's next job. */
  turnOf(client: string): number;
  add(job: Placed): void;
  /** Takes the first one of these tasks that `fits`; others that stand in front of it stay. */
  take(tasks: Iterable<string>, fits: (id: string) => boolean): Placed | undefined;
  /** It waits no longer. */
  remove(id: string): void;
}

/** Clients remembered before those whose turns have passed are looked for. */
const rememberedClients = 1_024;

export function createJobOrder(): JobOrder {
  const heaps = new Map<string, Placed[]>();
  const waiting = new Map<string, Placed>();
  const lastTurns = new Map<string, number>();
  let turn = 0;
  let sweepAt = rememberedClients;

  function sweep(): void {
    for (const [client, last] of lastTurns) if (last < turn) lastTurns.delete(client);
    sweepAt = Math.max(rememberedClients, 2 * lastTurns.size);
  }

  const isThere = (job: Placed): boolean => waiting.get(job.id) === job;

  /** Those that were removed stay in their heap until they come to its top. */
  function top(heap: Placed[]): Placed | undefined {
    for (let first = heap[0]; first !== undefined; first = heap[0]) {
      if (isThere(first)) return first;
      pop(heap);
    }
    return undefined;
  }

  /** The first that fits; those in front of it are put back. */
  function firstOf(heap: Placed[], fits: (id: string) => boolean): Placed | undefined {
    const passed: Placed[] = [];
    let first = top(heap);
    while (first !== undefined && !fits(first.id)) {
      passed.push(first);
      pop(heap);
      first = top(heap);
    }
    for (const job of passed) push(heap, job);
    return first;
  }

  return {
    turnOf(client) {
      const next = Math.max(turn, (lastTurns.get(client) ?? -1) + 1);
      lastTurns.set(client, next);
      if (lastTurns.size > sweepAt) sweep();
      return next;
    },
    add(job) {
      waiting.set(job.id, job);
      let heap = heaps.get(job.task);
      if (heap === undefined) {
        heap = [];
        heaps.set(job.task, heap);
      }
      push(heap, job);
    },
    take(tasks, fits) {
      let first: Placed | undefined;
      for (const task of tasks) {
        const heap = heaps.get(task);
        const next = heap && firstOf(heap, fits);
        if (next !== undefined && (first === undefined || isBefore(next, first))) first = next;
      }
      if (first === undefined) return undefined;
      waiting.delete(first.id);
      turn = Math.max(turn, first.turn);
      return first;
    },
    remove(id) {
      const job = waiting.get(id);
      if (job === undefined) return;
      waiting.delete(id);
      const heap = heaps.get(job.task);
      if (heap !== undefined && top(heap) === undefined) heaps.delete(job.task);
    },
  };
}

const isBefore = (a: Placed, b: Placed): boolean => a.turn < b.turn || (a.turn === b.turn && a.seq < b.seq);

function push(heap: Placed[], job: Placed): void {
  let at = heap.push(job) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !isBefore(job, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = job;
}

function pop(heap: Placed[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    const left = heap[below];
    if (left === undefined) break;
    const right = heap[below + 1];
    const child = right !== undefined && isBefore(right, left) ? right : left;
    if (child === right) below++;
    if (!isBefore(child, last)) break;
    heap[at] = child;
    at = below;
  }
  heap[at] = last;
}
