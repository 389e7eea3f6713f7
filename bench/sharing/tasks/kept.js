// And its result is kept for a second.
import { task } from '../work.js';

export default { ...task, share: { ttlMs: 1_000, maxBytes: 1_000_000 } };
