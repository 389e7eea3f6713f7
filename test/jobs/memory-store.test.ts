import { createEmbeddedStore } from '#src/jobs/embedded-store.js';
import { jobStoreContract } from './contract.js';
import { joinedTo } from './joined.js';

jobStoreContract('in memory', async (limits) => {
  const embedded = createEmbeddedStore({ limits: { ...limits, mostBytes: 1 << 30 } });
  return {
    ...joinedTo(embedded),
    close: () => embedded.close(),
  };
});
