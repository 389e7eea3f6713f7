// The clients' CPU quota as one server process keeps it. Admission is decided here and now: from what the process
// holds as a lease, else from what it believes to be in the client's account. What it took it tells the primary soon,
// and is told the truth. The arithmetic is quota-policy.ts, the timers and messages are quota-link.ts. Pure: the clock
// is handed in.
import { AppError } from '../../errors.js';
import type { CallMeter } from '../../lane/call.js';
import type { QuotaGrant, QuotaReport } from '../../messages.js';
import { creditMs, refillRate, windowMs } from '../../quota-policy.js';

export interface Quota extends CallMeter {
  /** Clients that are remembered. */
  readonly size: number;
  /** What is left to a client and when all of it is back, as headers of an answer. */
  headers(client: string, nowMs: number): Readonly<Record<string, string>>;
  /** What the primary should know now: at most one report per client and second. */
  takeReports(nowMs: number): QuotaReport[];
  /** The answer to the last reports. */
  grant(grants: readonly QuotaGrant[], nowMs: number): void;
}

export interface QuotaOptions {
  readonly quotaMs: number;
  /** How many server processes share it. */
  readonly processes: number;
  /** Something is to be reported at once. */
  onUrgent(): void;
  /** More clients than these are not remembered. */
  readonly mostClients?: number;
}

interface Account {
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

const reviewMs = 1_000;
/** A primary that has not answered for this long is not waited for: each process then goes on with its share. */
export const silenceMs = 2_000;
/** A lease that would last longer than so many seconds at the client's pace goes back. */
const keptSeconds = 2;
/** Differences that only rounding makes. */
const nothingMs = 0.001;

export function createQuota(options: QuotaOptions): Quota {
  const { quotaMs, processes, onUrgent, mostClients = 65_536 } = options;
  const rate = refillRate(quotaMs);
  const credit = creditMs(quotaMs, processes);
  const policy = `"cpu";q=${quotaMs};w=${windowMs / 1_000}`;
  /** The one that was reviewed longest ago comes first. */
  const accounts = new Map<string, Account>();
  /** To be reported without waiting for their review. */
  const urgent = new Set<Account>();
  let unansweredSinceMs: number | undefined;

  function accountOf(client: string, nowMs: number): Account {
    const known = accounts.get(client);
    if (known !== undefined) {
      refill(known, nowMs);
      return known;
    }
    const account: Account = {
      client,
      heldMs: 0,
      leftMs: isAlone(nowMs) ? quotaMs / processes : quotaMs,
      leftAtMs: nowMs,
      drewMs: 0,
      spentMs: 0,
      lackedMs: 0,
      reviewedMs: Number.NEGATIVE_INFINITY,
    };
    const [oldest] = accounts.values();
    if (oldest !== undefined && accounts.size >= mostClients) {
      accounts.delete(oldest.client);
      urgent.delete(oldest);
    }
    accounts.set(client, account);
    return account;
  }

  const isAlone = (nowMs: number): boolean =>
    unansweredSinceMs !== undefined && nowMs - unansweredSinceMs >= silenceMs;

  function refill(account: Account, nowMs: number): void {
    const part = isAlone(nowMs) ? 1 / processes : 1;
    const refilled = account.leftMs + rate * part * (nowMs - account.leftAtMs);
    account.leftMs = Math.min(quotaMs * part, refilled);
    account.leftAtMs = nowMs;
  }

  function draw(account: Account, ms: number): void {
    account.leftMs -= ms;
    account.drewMs += ms;
    account.heldMs += ms;
  }

  /** What may be drawn without having been reported: any one call, more of them up to the credit. */
  function drawableMs(account: Account, nowMs: number): number {
    if (account.drewMs <= 0 || isAlone(nowMs)) return account.leftMs;
    return Math.min(account.leftMs, credit - account.drewMs);
  }

  function tellSoon(account: Account, nowMs: number): void {
    if (nowMs - account.reviewedMs < reviewMs || urgent.has(account)) return;
    urgent.add(account);
    if (urgent.size === 1) onUrgent();
  }

  /** @param lackingMs what is wanted beyond what is held */
  function refusal(account: Account, lackingMs: number, nowMs: number): AppError {
    const perMs = isAlone(nowMs) ? rate / processes : rate;
    const seconds = Math.ceil(Math.max(0, lackingMs - account.leftMs) / perMs / 1_000);
    const retryAfterSeconds = Math.max(1, seconds);
    return new AppError('QUOTA_EXCEEDED', 'The CPU time of this client is spent for now.', {
      retryAfterSeconds,
      headers: rateLimit(remainingMs(account), retryAfterSeconds),
    });
  }

  function remainingMs(account: Account): number {
    return Math.min(quotaMs, Math.max(0, Math.floor(account.heldMs + account.leftMs + nothingMs)));
  }

  /** https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (q and r in ms of CPU time, w and t in s) */
  function rateLimit(leftMs: number, seconds: number): Readonly<Record<string, string>> {
    return { 'RateLimit-Policy': policy, RateLimit: `"cpu";r=${leftMs};t=${seconds}` };
  }

  /** Its report; undefined where it was forgotten. */
  function review(account: Account, nowMs: number): QuotaReport | undefined {
    const { client } = account;
    accounts.delete(client);
    urgent.delete(account);
    refill(account, nowMs);
    const keptMs = keptSeconds * account.spentMs;
    if (account.heldMs < 0) draw(account, -account.heldMs);
    else if (account.heldMs > keptMs + nothingMs) draw(account, keptMs - account.heldMs);
    // A client that begins may have much to do; at the next review what it did not use goes back.
    const wantMs =
      account.spentMs + account.lackedMs > 0 ? Math.max(account.lackedMs, quotaMs / 2 - account.heldMs) : 0;
    const report = { client, drewMs: account.drewMs, wantMs };
    const isAtRest = account.spentMs === 0 && account.lackedMs === 0 && Math.abs(account.drewMs) < nothingMs;
    account.spentMs = 0;
    account.lackedMs = 0;
    account.drewMs = 0;
    account.reviewedMs = nowMs;
    // One that is full is like one that was never seen. One that is not is asked about every second: others may have
    // drawn on it, or brought back what they had.
    if (isAtRest && account.leftMs >= quotaMs - nothingMs) return undefined;
    accounts.set(client, account);
    return report;
  }

  return {
    get size() {
      return accounts.size;
    },
    check(client, nowMs) {
      const account = accounts.get(client);
      if (account === undefined) return;
      refill(account, nowMs);
      if (account.heldMs + account.leftMs > 0) return;
      tellSoon(account, nowMs);
      // Just above nothing: that the next call needs more is not known before its body is read.
      throw refusal(account, 1 - account.heldMs, nowMs);
    },
    charge(client, estimateMs, nowMs) {
      const account = accountOf(client, nowMs);
      // A call that is thought to take more than a whole quota may run where nothing was spent: what if it is less?
      let chargedMs = Math.min(estimateMs, quotaMs);
      const lackingMs = chargedMs - account.heldMs;
      if (lackingMs > 0) {
        const refused = lackingMs > drawableMs(account, nowMs);
        if (!refused) draw(account, lackingMs);
        else account.lackedMs = Math.max(account.lackedMs, lackingMs);
        tellSoon(account, nowMs);
        if (refused) throw refusal(account, lackingMs, nowMs);
      }
      account.heldMs -= chargedMs;
      account.spentMs += chargedMs;
      return {
        ran(runMs, endedMs) {
          const differenceMs = runMs - chargedMs;
          chargedMs = runMs;
          const now = accountOf(client, endedMs);
          now.heldMs -= differenceMs;
          now.spentMs = Math.max(0, now.spentMs + differenceMs);
        },
      };
    },
    headers(client, nowMs) {
      const account = accounts.get(client);
      if (account === undefined) return rateLimit(quotaMs, 0);
      refill(account, nowMs);
      const leftMs = remainingMs(account);
      return rateLimit(leftMs, Math.ceil((quotaMs - leftMs) / rate / 1_000));
    },
    takeReports(nowMs) {
      if (unansweredSinceMs !== undefined) return [];
      const due = [...urgent];
      for (const account of accounts.values()) {
        if (nowMs - account.reviewedMs < reviewMs) break;
        if (!urgent.has(account)) due.push(account);
      }
      const reports = due.flatMap((account) => review(account, nowMs) ?? []);
      if (reports.length > 0) unansweredSinceMs = nowMs;
      return reports;
    },
    grant(grants, nowMs) {
      unansweredSinceMs = undefined;
      for (const { client, grantedMs, leftMs } of grants) {
        const account = accountOf(client, nowMs);
        account.heldMs += grantedMs;
        account.leftMs = leftMs - account.drewMs;
        account.leftAtMs = nowMs;
      }
    },
  };
}
