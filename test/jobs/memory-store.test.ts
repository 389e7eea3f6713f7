import { createEmbeddedStore, type JoinedStore } from '#src/jobs/embedded-store.js';
import type { JobStore } from '#src/jobs/store.js';
import { jobStoreContract } from './contract.js';

jobStoreContract('in memory', async (limits) => {
  const embedded = createEmbeddedStore({ limits: { ...limits, mostBytes: 1 << 30 } });
  const joined = new Map<JobStore, JoinedStore>();
  return {
    async open() {
      const store = embedded.join();
      joined.set(store, store);
      return store;
    },
    async kill(store) {
      joined.get(store)?.lost();
    },
    close: () => embedded.close(),
  };
});
