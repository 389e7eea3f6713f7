// Every wait and limit of the supervision that is no setting. One argument, so that tests shrink it.

export interface Timings {
  /** Back-off after quick deaths: the first wait (after one replacement at once), doubling up to the longest. */
  readonly respawnFirstMs: number;
  readonly respawnMaxMs: number;
  /** Where the system refuses a fork (no room for another process), the longest wait before the next try. */
  readonly refusedForkMaxMs: number;
  /** A wait differs by up to this share either way, so that clusters that fell together do not rise together. */
  readonly respawnJitter: number;
  /** All server processes were ready for this long: the next death is a first one again. */
  readonly healthyAfterMs: number;
  /** Many slots: no more than so many replacements within the window, but for those of processes that fell first. */
  readonly respawnsPerWindow: number;
  readonly respawnWindowMs: number;
  /** A process that is so much later than the first that was ready is given no connections until it is, too. */
  readonly lateMs: number;
  /** Deaths before any server process was ready: then the primary gives up. */
  readonly bootDeaths: number;
  /** How often the primary looks at the heartbeats. */
  readonly watchMs: number;
  /** After a drain's deadline: the time to cut what is open (half a second) and leave, before SIGKILL. */
  readonly killGraceMs: number;
  /** After its last word: the time to leave, before SIGKILL. */
  readonly leaveMs: number;
  /** The longest that a request may take that is no call (`GET /io/delay`). */
  readonly longestIoMs: number;
  /** How long an answer may take to leave. */
  readonly answerMs: number;
  /** A server process that said nothing of a connection is asked for it after this time. */
  readonly receiptMs: number;
  /** One that could not receive a connection is given none for so long. */
  readonly restMs: number;
  /** Connections that may wait in the primary for a server process, where it may have twice as many descriptors. */
  readonly mostWaiting: number;
  /** Connections find their process again once this time went by without trouble. */
  readonly calmMs: number;
  /** A second stop signal counts from here on: one Ctrl-C under npm arrives twice within a millisecond. */
  readonly secondSignalMs: number;
}

/** Node's timers take no more. */
export const longestTimerMs = 2_147_483_647;

export const defaultTimings: Timings = {
  respawnFirstMs: 200,
  respawnMaxMs: 30_000,
  refusedForkMaxMs: 5_000,
  respawnJitter: 0.2,
  healthyAfterMs: 60_000,
  respawnsPerWindow: 12,
  respawnWindowMs: 60_000,
  lateMs: 1_000,
  bootDeaths: 5,
  watchMs: 100,
  killGraceMs: 700,
  leaveMs: 1_000,
  longestIoMs: 60_000,
  answerMs: 5_000,
  receiptMs: 50,
  restMs: 100,
  mostWaiting: 16_384,
  calmMs: 1_000,
  secondSignalMs: 100,
};
