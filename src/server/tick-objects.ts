// Keeps one of the objects that process.nextTick makes, so that V8 does not forget their shape. It holds shapes weakly: where
// a full garbage collection meets no such object, theirs is gone, the next one has another, and the two in the feedback of
// nextTick's literal are for good. From there on each tick's object is made property by property in V8's runtime, which is an
// eighth of what a light request costs; which process falls into that, the moments of its collections decide (seen in
// Node 20.20, 24.21 and 26.10).
import { executionAsyncResource } from 'node:async_hooks';

/** Nobody reads it: it has to be there. */
const kept: object[] = [];

/** To be called before a full garbage collection is likely: at a process's start. */
export function keepTickObject(): void {
  process.nextTick(() => kept.push(executionAsyncResource()));
}
