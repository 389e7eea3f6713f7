// What operators see of jobs at a glance: how many there are in each state, how old the oldest one that waits is, and the
// last ones that failed. The jobs themselves are jobs.ts.

import { adminJobView } from '../../jobs/job-view.js';
import type { JobCounts, JobStore } from '../../jobs/store.js';

export interface JobsSummary extends JobCounts {
  /** Newest first. */
  readonly failed: readonly ReturnType<typeof adminJobView>[];
}

const shownFailed = 5;

/** Null: no jobs are kept, or nobody can tell now. */
export async function jobCounts(store: JobStore | undefined): Promise<JobCounts | null> {
  return (await store?.counts().catch(() => undefined)) ?? null;
}

/** The same. */
export async function jobsSummary(store: JobStore | undefined): Promise<JobsSummary | null> {
  const counts = await jobCounts(store);
  if (store === undefined || counts === null) return null;
  if (counts.states.failed === 0) return { ...counts, failed: [] };
  const failed = await store.list({ state: 'failed', limit: shownFailed }).catch(() => undefined);
  return { ...counts, failed: failed?.jobs.map(adminJobView) ?? [] };
}
