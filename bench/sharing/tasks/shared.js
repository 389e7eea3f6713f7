// Identical calls have one run.
import { task } from '../work.js';

export default { ...task, share: true };
