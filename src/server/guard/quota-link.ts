// Ties a server process's quota to the clock and to the primary: reports go out in batches, one at a time.
import { monotonicMs } from '../../clock.js';
import type { QuotaAnswer, QuotaReport } from '../../messages.js';
import { createQuota, type Quota } from './quota.js';

export interface QuotaLink {
  readonly quota: Quota;
  /** The primary's answer. */
  receive(answer: QuotaAnswer): void;
  close(): void;
}

const tickMs = 100;

export function linkQuota(
  quotaMs: number,
  processes: number,
  send: (reports: readonly QuotaReport[]) => void,
): QuotaLink {
  let soon: NodeJS.Immediate | undefined;
  const quota = createQuota({ quotaMs, processes, onUrgent: tellSoon });
  const timer = setInterval(tell, tickMs).unref();

  /** All calls of one turn of the event loop share a message. */
  function tellSoon(): void {
    soon ??= setImmediate(tell);
  }

  function tell(): void {
    soon = undefined;
    const reports = quota.takeReports(monotonicMs());
    if (reports.length > 0) send(reports);
  }

  return {
    quota,
    receive(answer) {
      quota.grant(answer, monotonicMs());
      tellSoon();
    },
    close() {
      clearInterval(timer);
      clearImmediate(soon);
    },
  };
}
