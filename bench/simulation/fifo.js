// The server that the lane is compared with: first come, first served, and nobody is refused.

/** @typedef {import('./lane.js').SimulatedServer} SimulatedServer */
/** @typedef {import('./lane.js').SimulatedCall} SimulatedCall */

/** @param {number} threads @param {(call: SimulatedCall) => void} run @returns {SimulatedServer} */
export function createFifo(threads, run) {
  /** @type {SimulatedCall[]} */
  const queue = [];
  let busy = 0;

  function pump() {
    while (busy < threads) {
      const call = queue.shift();
      if (call === undefined) return;
      busy++;
      run(call);
    }
  }

  return {
    arrive(kind, client, nowMs) {
      const ticket = {
        ...{ client, estimateUs: kind.us, isBack: false, isJob: false },
        ...{ tag: 0, key: 0, seq: 0, expectedWaitUs: 0, gate: undefined, hasPlace: false },
      };
      queue.push({
        ticket,
        key: 0,
        seq: 0,
        kind,
        options: { client },
        arrivedMs: nowMs,
        sentMs: nowMs,
        estimateUs: kind.us,
        batchable: false,
      });
      pump();
      return true;
    },
    end() {
      busy--;
      pump();
    },
  };
}
