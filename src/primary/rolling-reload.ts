// Replaces every server process by a new one that reads code and task files anew, one at a time. Nobody notices: the
// new one is ready before the old one drains, so there is no moment in which connections would have to wait.
import type { SlotTable } from './slot-table.js';

export interface RollingReloadOptions {
  readonly table: SlotTable;
  readonly isStopping: () => boolean;
  /** How long an old process may drain. */
  readonly drainMs: number;
}

const stopping = 'the server is stopping';

/** @returns why it stopped half-way, or null. Where a new process fails, the old ones serve on. */
export async function rollingReload({
  table,
  isStopping,
  drainMs,
}: RollingReloadOptions): Promise<string | null> {
  for (const slot of [...table.slots]) {
    if (isStopping()) return stopping;
    const replacement = await table.replace(slot);
    if (replacement.type === 'failed') return isStopping() ? stopping : replacement.reason;
    if (replacement.type === 'replaced') await replacement.old?.close('reload', drainMs, 'reload');
  }
  return null;
}
