// The CPU quota's arithmetic, on which the primary (primary/quota-accounts.ts) and the server processes
// (server/guard/quota.ts) agree.
//
// A client's account is a token bucket of CPU time ("leaky bucket as a meter", ITU-T I.371): it holds at most the
// quota of one minute and refills evenly. So a client that was quiet may spend its whole quota at once, and what it
// overdraws (estimates err, processes speak with delay) it owes: later calls wait until that is paid back. With the
// quota Q, a client gets in m minutes at most Q × (1 + m), and ahead of that, as a debt, what P server processes let
// in before they heard of each other: Q / 2 or one call each, whichever is more.
//
// rate-limiter-flexible (11.0) was looked at: its cluster limiter asks the master for every request and waits for the
// answer, and it knows neither an estimate that is corrected later nor leases.

export const windowMs = 60_000;

/** CPU ms that come back per ms. */
export function refillRate(quotaMs: number): number {
  return quotaMs / windowMs;
}

/**
 * What one server process may take from an account before the primary knows of it. All together: half a quota. One
 * that is alone needs not ask.
 */
export function creditMs(quotaMs: number, processes: number): number {
  return processes === 1 ? quotaMs : quotaMs / (2 * processes);
}
