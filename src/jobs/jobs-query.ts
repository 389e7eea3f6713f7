// What may be asked of a list of jobs, for the public server and the admin server: `state`, `limit` and `cursor`.
import { AppError, type InputIssue } from '../errors.js';
import { type JobState, jobStates } from './job.js';
import type { JobQuery } from './store.js';

const usualLimit = 20;
const largestLimit = 100;

/** @throws AppError INVALID_INPUT */
export function jobsQuery(parameters: ReadonlyMap<string, string>): JobQuery {
  const issues: InputIssue[] = [];
  let state: JobState | undefined;
  let limit = usualLimit;
  for (const [path, text] of parameters) {
    if (path === 'state') {
      state = jobStates.find((one) => one === text);
      if (state === undefined) issues.push({ path, message: `must be one of ${jobStates.join(', ')}` });
    } else if (path === 'limit') {
      limit = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 0;
      if (limit < 1 || limit > largestLimit)
        issues.push({ path, message: `must be a whole number from 1 to ${largestLimit}` });
    } else if (path === 'cursor') {
      if (!/^[0-9a-z]{1,15}$/.test(text))
        issues.push({ path, message: 'must be the `next` of another page' });
    } else issues.push({ path, message: 'There is no such parameter here.' });
  }
  if (issues.length > 0) throw new AppError('INVALID_INPUT', 'The query parameters do not fit.', { issues });
  return { state, limit, cursor: parameters.get('cursor') };
}
