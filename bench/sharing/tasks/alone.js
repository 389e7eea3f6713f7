// Each call has a run of its own.
import { task } from '../work.js';

export default task;
