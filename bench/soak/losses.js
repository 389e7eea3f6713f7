// Which lost requests a dying server process explains: its connections break within a moment, and each client has one
// request at a time. An answer that is none of success, and one that never came, are explained by nothing.

/** How far apart a death and what breaks by it may be noticed. */
const noticeMs = 1_000;

/**
 * @param {readonly { what: string, broke: boolean, startedMs: number, endedMs: number }[]} losses
 * @param {readonly { atMs: number }[]} deaths
 * @param {number} clients
 */
export function explain(losses, deaths, clients) {
  const explained = deaths.map(() => 0);
  /** @type {Map<string, number>} */
  const unexplained = new Map();
  for (const { what, broke, startedMs, endedMs } of losses) {
    const death = deaths.findIndex(
      ({ atMs }, index) =>
        (explained[index] ?? 0) < clients &&
        atMs >= startedMs - noticeMs &&
        Math.abs(endedMs - atMs) <= noticeMs,
    );
    if (!broke || death === -1) unexplained.set(what, (unexplained.get(what) ?? 0) + 1);
    else explained[death] = (explained[death] ?? 0) + 1;
  }
  return { lostToDeaths: explained.reduce((sum, count) => sum + count, 0), unexplained };
}
