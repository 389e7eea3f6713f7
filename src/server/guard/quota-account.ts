// One client's CPU quota account as a server process sees it: what it holds of it as a lease, and what it believes to
// be left at the primary. Who is let in on it is quota.ts.
import type { QuotaReport } from '../../messages.js';
import { creditMs, windowMs } from '../../quota-policy.js';

export interface Account {
  readonly client: string;
  /** The lease: granted or drawn, and not spent. Below 0: calls took longer than they were charged. */
  heldMs: number;
  /** Believed to be in the account at the primary. */
  leftMs: number;
  leftAtMs: number;
  /** Taken from there since the last report. */
  drewMs: number;
  /** Charged since the last review. */
  spentMs: number;
  /** What the largest call that was refused lacked. */
  lackedMs: number;
  /** When it was last reported or found to have nothing to report. */
  reviewedMs: number;
}

/** How many seconds a lease should last at the client's pace. */
const leaseSeconds = 2;
/** Differences that only rounding makes. */
const nothingMs = 0.001;

export function openAccount(client: string, leftMs: number, nowMs: number): Account {
  return {
    client,
    heldMs: 0,
    leftMs,
    leftAtMs: nowMs,
    drewMs: 0,
    spentMs: 0,
    lackedMs: 0,
    reviewedMs: Number.NEGATIVE_INFINITY,
  };
}

/** Takes from what is left; below 0: brings back. */
export function draw(account: Account, ms: number): void {
  account.leftMs -= ms;
  account.drewMs += ms;
  account.heldMs += ms;
}

/**
 * Once a second: debts are drawn, what will not be needed goes back, and the primary is told. An account that is not
 * full is asked about even where nothing happened: others may have drawn on it, or brought something back.
 * @returns undefined where it is full and at rest, and so like one that was never opened
 */
export function review(
  account: Account,
  quotaMs: number,
  processes: number,
  nowMs: number,
): QuotaReport | undefined {
  const leaseMs = wantedLeaseMs(account, quotaMs, processes);
  if (account.heldMs < 0) draw(account, -account.heldMs);
  else if (account.heldMs > leaseMs + nothingMs) draw(account, leaseMs - account.heldMs);
  const { client, drewMs, spentMs, lackedMs } = account;
  const wantMs = Math.max(lackedMs, leaseMs - account.heldMs);
  const isAtRest = spentMs === 0 && lackedMs === 0 && Math.abs(drewMs) < nothingMs;
  account.drewMs = 0;
  account.spentMs = 0;
  account.lackedMs = 0;
  account.reviewedMs = nowMs;
  return isAtRest && account.leftMs >= quotaMs - nothingMs ? undefined : { client, drewMs, wantMs };
}

/**
 * What is leased to one process no other can give to the client before the next review. A client that begins gets a
 * quarter of its quota where it begins: it may stay there, and it may come to another process with its next call.
 */
function wantedLeaseMs(account: Account, quotaMs: number, processes: number): number {
  if (account.spentMs === 0 && account.lackedMs === 0) return 0;
  if (account.reviewedMs === Number.NEGATIVE_INFINITY) return quotaMs / 4;
  return Math.min(quotaMs / 2, Math.max(creditMs(quotaMs, processes), leaseSeconds * account.spentMs));
}

/** What the client may still use, in whole ms. */
export function remainingMs({ heldMs, leftMs }: Account, quotaMs: number): number {
  return Math.min(quotaMs, Math.max(0, Math.floor(heldMs + leftMs + nothingMs)));
}

/**
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/, with q and r in ms of CPU time.
 * @param seconds until it is whole again, or, in a refusal, until it is worth another try
 */
export function rateLimitHeaders(quotaMs: number, leftMs: number, seconds: number): Record<string, string> {
  return {
    'RateLimit-Policy': `"cpu";q=${quotaMs};w=${windowMs / 1_000}`,
    RateLimit: `"cpu";r=${leftMs};t=${seconds}`,
  };
}
