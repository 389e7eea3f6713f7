// What the soak found.

/** Growth per minute that is still none: processes are young after each reload, and pages come and go. */
/** @type {readonly (readonly [Figure, number])[]} */
const mostGrowth = [
  ['primaryMb', 2],
  ['primaryFds', 0.5],
  ['serverMb', 4],
  ['serverFds', 2],
];
/** In a shorter run the start weighs too much. */
const judgedFromMinutes = 5;

/** @typedef {import('./samples.js').Figure} Figure */

/**
 * @param {object} soak
 * @param {import('./traffic.js').Counts} soak.counts
 * @param {readonly import('./abuse.js').Abuse[]} soak.events
 * @param {import('./samples.js').Samples} soak.samples
 * @param {number | null} soak.exitCode
 * @param {number} soak.minutes
 * @returns {boolean} whether all was well
 */
export function printReport({ counts, events, samples, exitCode, minutes }) {
  const { requests, answered, refused, left, lostToDeaths, unexplained } = counts;
  const done = (/** @type {import('./abuse.js').Kind} */ type) =>
    events.filter((event) => event.type === type).length;
  const growth = mostGrowth.map(([figure, most]) => ({ figure, most, slope: samples.slope(figure) }));
  const grown = growth.filter(({ slope, most }) => slope > most).map(({ figure }) => figure);
  console.log(`
${minutes} minutes, ${requests} requests:
  ${answered} answered with 200
  ${refused} refused at arrival (503 OVERLOADED)
  ${left} given up by their clients
  ${lostToDeaths} lost with a process that died (${done('kill')} killed, ${done('abort')} aborted by a task, ${done('freeze')} frozen)
  ${[...unexplained.values()].reduce((sum, count) => sum + count, 0)} lost without such a cause`);
  for (const [what, count] of unexplained) console.log(`    ${count} × ${what}`);
  console.log(`meanwhile ${done('reload')} reloads, ${done('stall')} stalls of 2 s, ${done('more')} processes more, ${done('fewer')} fewer
growth per minute (MiB, descriptors): ${growth.map(({ figure, slope }) => `${figure} ${slope.toFixed(2)}`).join(', ')}
${verdict()}
the server ended with ${exitCode}`);
  return unexplained.size === 0 && exitCode === 0 && (minutes < judgedFromMinutes || grown.length === 0);

  function verdict() {
    if (minutes < judgedFromMinutes) return `which is judged from ${judgedFromMinutes} minutes on`;
    return grown.length === 0 ? 'nothing grows' : `too much: ${grown.join(', ')}`;
  }
}
