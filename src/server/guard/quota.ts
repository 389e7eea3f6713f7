// The clients' CPU quota as one server process keeps it. Admission is decided here and now: from what the process
// holds as a lease, else from what it believes to be in the client's account. What it took it tells the primary soon,
// and is told the truth. The arithmetic is quota-policy.ts, the timers and messages are quota-link.ts. Pure: the clock
// is handed in.
import { type AppError, refusalForLoad } from '../../errors.js';
import type { CallMeter } from '../../lane/call.js';
import type { QuotaAnswer, QuotaReport } from '../../messages.js';
import { creditMs, refillRate } from '../../quota-policy.js';
import { type Account, draw, openAccount, rateLimitHeaders, remainingMs, review } from './quota-account.js';

export interface Quota extends CallMeter {
  /** Clients that are remembered. */
  readonly size: number;
  /** What is left to a client and when all of it is back, as headers of an answer. */
  headers(client: string, nowMs: number): Readonly<Record<string, string>>;
  /** What the primary should know now: at most one report per client and second. */
  takeReports(nowMs: number): QuotaReport[];
  /** The answer to the last reports. */
  grant(answer: QuotaAnswer, nowMs: number): void;
}

export interface QuotaOptions {
  readonly quotaMs: number;
  /** How many server processes share it, until the primary tells otherwise. */
  readonly processes: number;
  /** Something is to be reported at once. */
  onUrgent(): void;
  /** More clients than these are not remembered. */
  readonly mostClients?: number;
}

const reviewEveryMs = 1_000;
/** A primary that has not answered for this long is not waited for: each process then goes on with its share. */
export const silenceMs = 2_000;

export function createQuota(options: QuotaOptions): Quota {
  const { quotaMs, onUrgent, mostClients = 65_536 } = options;
  let { processes } = options;
  /** The one that was reviewed longest ago comes first. */
  const accounts = new Map<string, Account>();
  /** To be reported without waiting for their review. */
  const urgent = new Set<Account>();
  let unansweredSinceMs: number | undefined;

  const isAlone = (nowMs: number): boolean =>
    unansweredSinceMs !== undefined && nowMs - unansweredSinceMs >= silenceMs;

  /** What this process may count on: the whole quota, or, without the primary, its share. */
  const budgetMs = (nowMs: number): number => (isAlone(nowMs) ? quotaMs / processes : quotaMs);

  function accountOf(client: string, nowMs: number): Account {
    const known = accounts.get(client);
    if (known !== undefined) return refilled(known, nowMs);
    const account = openAccount(client, budgetMs(nowMs), nowMs);
    const [oldest] = accounts.values();
    if (oldest !== undefined && accounts.size >= mostClients) {
      accounts.delete(oldest.client);
      urgent.delete(oldest);
    }
    accounts.set(client, account);
    return account;
  }

  function refilled(account: Account, nowMs: number): Account {
    const mostMs = budgetMs(nowMs);
    const backMs = refillRate(mostMs) * (nowMs - account.leftAtMs);
    account.leftMs = Math.min(mostMs, account.leftMs + backMs);
    account.leftAtMs = nowMs;
    return account;
  }

  /** What may be drawn without having been reported: any one call, more of them up to the credit. */
  function drawableMs({ leftMs, drewMs }: Account, nowMs: number): number {
    return drewMs <= 0 || isAlone(nowMs) ? leftMs : Math.min(leftMs, creditMs(quotaMs, processes) - drewMs);
  }

  function tellSoon(account: Account, nowMs: number): void {
    if (nowMs - account.reviewedMs < reviewEveryMs || urgent.has(account)) return;
    urgent.add(account);
    if (urgent.size === 1) onUrgent();
  }

  /** @param lackingMs what is wanted beyond what is held */
  function refusal(account: Account, lackingMs: number, nowMs: number): AppError {
    const waitMs = Math.max(0, lackingMs - account.leftMs) / refillRate(budgetMs(nowMs));
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000));
    return refusalForLoad('QUOTA_EXCEEDED', 'The CPU time of this client is spent for now.', {
      retryAfterSeconds,
      headers: rateLimitHeaders(quotaMs, remainingMs(account, quotaMs), retryAfterSeconds),
    });
  }

  function report(account: Account, nowMs: number): QuotaReport[] {
    accounts.delete(account.client);
    urgent.delete(account);
    const told = review(refilled(account, nowMs), quotaMs, processes, nowMs);
    if (told === undefined) return [];
    accounts.set(account.client, account);
    return [told];
  }

  return {
    get size() {
      return accounts.size;
    },
    check(client, nowMs) {
      const known = accounts.get(client);
      if (known === undefined) return;
      const account = refilled(known, nowMs);
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
      // What is charged nothing now is never refused, also where there is a debt: a job was let in long ago.
      if (chargedMs > 0 && lackingMs > 0) {
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
      const known = accounts.get(client);
      const leftMs = known === undefined ? quotaMs : remainingMs(refilled(known, nowMs), quotaMs);
      return rateLimitHeaders(quotaMs, leftMs, Math.ceil((quotaMs - leftMs) / refillRate(quotaMs) / 1_000));
    },
    takeReports(nowMs) {
      if (unansweredSinceMs !== undefined) return [];
      const due = [...urgent];
      for (const account of accounts.values()) {
        if (nowMs - account.reviewedMs < reviewEveryMs) break;
        if (!urgent.has(account)) due.push(account);
      }
      const reports = due.flatMap((account) => report(account, nowMs));
      if (reports.length > 0) unansweredSinceMs = nowMs;
      return reports;
    },
    grant({ grants, processes: now }, nowMs) {
      processes = now;
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
