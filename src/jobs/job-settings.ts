// The settings of jobs as the embedded store takes them.
import type { Config } from '../config.js';
import type { TableLimits } from './job-table.js';

export type JobSettings = Pick<Config, 'jobsMax' | 'jobsMaxBytes' | 'jobTtlS' | 'jobAttempts'>;

export function tableLimits({ jobsMax, jobsMaxBytes, jobTtlS, jobAttempts }: JobSettings): TableLimits {
  return {
    mostWaiting: jobsMax,
    mostBytes: jobsMaxBytes,
    keepMs: jobTtlS * 1_000,
    attempts: jobAttempts,
  };
}
