// The environment of every server that is started here: the caller's, without what would change the server. A figure
// must not depend on what somebody's shell exports.
import { settings } from '#src/config.js';

/** Of Node's cluster, and of the peers. */
const others = ['NODE_CLUSTER_SCHED_POLICY', 'FEATURES', 'PROCESSES', 'IDLE_TIMEOUT_MS'];

/** @param {Record<string, string>} wanted what the server is to have */
export function environmentWith(wanted) {
  const env = { ...process.env };
  for (const { variable, alias } of Object.values(settings)) {
    delete env[variable];
    if (alias !== undefined) delete env[alias];
  }
  for (const name of others) delete env[name];
  return { ...env, ...wanted };
}
