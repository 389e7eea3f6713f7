// An embedded store as the contract's tests have it: opened as often as they like, each one a process that may be killed.
import type { EmbeddedStore, JoinedStore } from '#src/jobs/embedded-store.js';
import type { JobStore } from '#src/jobs/store.js';

export function joinedTo(embedded: EmbeddedStore) {
  const joined = new Map<JobStore, JoinedStore>();
  return {
    async open(): Promise<JobStore> {
      const store = embedded.join();
      joined.set(store, store);
      return store;
    },
    async kill(store: JobStore): Promise<void> {
      joined.get(store)?.lost();
    },
  };
}
