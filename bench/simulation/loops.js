// The event loops of the simulation: what a request, a hop, a refusal costs them. A loop does one thing after the other,
// and has a core before any thread has.

/**
 * @typedef {object} Costs in µs
 * @property {number} requestUs reading a request and writing its answer
 * @property {number} hopUs handing a call to a thread and taking its reply
 * @property {number} refusalUs refusing a request, in all
 * @property {number} wakeUs from a message to a thread, or from it, until that runs
 */

/**
 * @typedef {object} Loops
 * @property {number} busy loops that do something now
 * @property {(loop: number, us: number, then: () => void) => void} work `then` when this is done, behind what it has to do already
 */

/** @param {number} count @param {import('./clock.js').Clock} clock @returns {Loops} */
export function createLoops(count, clock) {
  const freeAtMs = new Float64Array(count);
  /** Things that each has to do. */
  const todo = new Uint32Array(count);
  let busy = 0;

  return {
    get busy() {
      return busy;
    },
    work(loop, us, then) {
      const before = todo[loop] ?? 0;
      todo[loop] = before + 1;
      if (before === 0) busy++;
      const endMs = Math.max(clock.nowMs, freeAtMs[loop] ?? 0) + us / 1_000;
      freeAtMs[loop] = endMs;
      clock.setAlarm(endMs, () => {
        const left = (todo[loop] ?? 0) - 1;
        todo[loop] = left;
        if (left === 0) busy--;
        then();
      });
    },
  };
}
