// The clients' CPU quota accounts, for the whole cluster. Server processes draw on them and tell afterwards; the book
// keeps the balance and hands out leases. The arithmetic is quota-policy.ts. Pure: the clock is handed in.
import type { QuotaAnswer, QuotaGrant, QuotaReport } from '../messages.js';
import { creditMs, refillRate } from '../quota-policy.js';

export interface QuotaAccounts {
  /** Accounts that are not full. A full one is like one that was never opened. */
  readonly size: number;
  /** @param processes how many server processes share the quotas */
  settle(reports: readonly QuotaReport[], processes: number, nowMs: number): QuotaAnswer;
}

interface Account {
  balanceMs: number;
  atMs: number;
}

/** Beyond this many the oldest are forgotten, and their debts with them: memory is bounded whoever comes. */
const mostAccounts = 262_144;
/** Old accounts that are looked at for every report: more than one, so that full ones vanish faster than new ones come. */
const lookedAt = 2;

export function createQuotaAccounts(quotaMs: number): QuotaAccounts {
  const rate = refillRate(quotaMs);
  /** The one that was touched longest ago comes first. */
  const accounts = new Map<string, Account>();

  function refill(account: Account, nowMs: number): void {
    account.balanceMs = Math.min(quotaMs, account.balanceMs + rate * (nowMs - account.atMs));
    account.atMs = nowMs;
  }

  function settleOne({ client, drewMs, wantMs }: QuotaReport, processes: number, nowMs: number): QuotaGrant {
    const account = accounts.get(client) ?? { balanceMs: quotaMs, atMs: nowMs };
    accounts.delete(client);
    refill(account, nowMs);
    account.balanceMs = Math.min(quotaMs, account.balanceMs - drewMs);
    // The others may be drawing on their credit right now. Where less than that is left, an equal part is fair.
    const reservedMs = creditMs(quotaMs, processes) * (processes - 1);
    const freeMs = Math.max(account.balanceMs - reservedMs, account.balanceMs / processes);
    const grantedMs = Math.max(0, Math.min(wantMs, freeMs));
    account.balanceMs -= grantedMs;
    if (account.balanceMs < quotaMs) accounts.set(client, account);
    return { client, grantedMs, leftMs: account.balanceMs };
  }

  function forget(count: number, nowMs: number): void {
    for (const [client, account] of accounts) {
      if (count-- === 0) return;
      accounts.delete(client);
      refill(account, nowMs);
      if (account.balanceMs < quotaMs && accounts.size < mostAccounts) accounts.set(client, account);
    }
  }

  return {
    get size() {
      return accounts.size;
    },
    settle(reports, processes, nowMs) {
      const grants = reports.map((report) => settleOne(report, processes, nowMs));
      forget(Math.min(reports.length * lookedAt, accounts.size), nowMs);
      return { grants, processes };
    },
  };
}
