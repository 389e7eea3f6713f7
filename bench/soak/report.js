// What the soak found.

/** @returns {boolean} whether all was well */
export function printReport({ counts, events, samples, exitCode, minutes }) {
  const { requests, answered, refused, left, lostToKills, unexplained } = counts;
  const done = (type) => events.filter((event) => event.type === type).length;
  console.log(`
${minutes} minutes, ${requests} requests:
  ${answered} answered with 200
  ${refused} refused at arrival (503 OVERLOADED)
  ${left} given up by their clients
  ${lostToKills} lost with a process that was killed (${done('kill')} kills)
  ${[...unexplained.values()].reduce((sum, count) => sum + count, 0)} lost without such a cause`);
  for (const [what, count] of unexplained) console.log(`    ${count} × ${what}`);
  console.log(`meanwhile ${done('reload')} reloads, ${done('kill')} kills, ${done('stall')} stalls of 2 s, ${done('more')} processes more, ${done('fewer')} fewer
growth per minute: primary ${grown('primaryMb', 'MiB')}, ${grown('primaryFds', 'descriptors')}; a server process ${grown('serverMb', 'MiB')}, ${grown('serverFds', 'descriptors')}
the server ended with ${exitCode}`);
  return unexplained.size === 0 && exitCode === 0;

  function grown(figure, unit) {
    return `${samples.slope(figure).toFixed(2)} ${unit}`;
  }
}
