// Replaces every server process by a new one that reads code and task files anew, one at a time. Nobody notices: the
// new one is ready and warm before the old one drains, so there is no moment without a listener, in which the cluster
// module would close connections that it had accepted.
import { unforkable } from './fork.js';
import type { SlotTable } from './slot-table.js';

export interface RollingReloadOptions {
  readonly table: SlotTable;
  readonly isStopping: () => boolean;
  /** How long an old process may drain. */
  readonly drainMs: number;
}

/** @returns why it stopped half-way, or null. Where a new process fails, the old ones serve on. */
export async function rollingReload({
  table,
  isStopping,
  drainMs,
}: RollingReloadOptions): Promise<string | null> {
  for (const slot of [...table.slots]) {
    if (isStopping()) return 'the server is stopping';
    if (!table.slots.includes(slot)) continue;
    const fresh = table.fork(slot.number);
    if (fresh === undefined) return unforkable;
    slot.successor = fresh;
    const failure = await fresh.booted;
    slot.successor = undefined;
    // One fewer was asked for meanwhile.
    if (!table.slots.includes(slot)) continue;
    if (failure !== undefined) return isStopping() ? 'the server is stopping' : failure.line;
    // Between its `ready` and this turn it may have been lost again, or everything may be stopping.
    if (fresh.state !== 'ready') return 'a new server process was lost at once';
    const old = slot.server;
    slot.server = fresh;
    slot.lost = undefined;
    table.changed();
    await old?.close('reload', drainMs, 'reload');
  }
  return null;
}
