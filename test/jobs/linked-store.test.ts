import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createEmbeddedStore } from '#src/jobs/embedded-store.js';
import type { JobStore } from '#src/jobs/store.js';
import { createStoreLink } from '#src/jobs/store-link.js';
import { serveStore } from '#src/jobs/store-service.js';
import { jobStoreContract } from './contract.js';

// As server processes reach the primary's store: over a stream, which ends when they die.
jobStoreContract('linked to the primary', async (limits) => {
  const embedded = createEmbeddedStore({ limits: { ...limits, mostBytes: 1 << 30 } });
  const server = createServer((socket) => void serveStore(socket, embedded.join()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  const sockets = new Map<JobStore, Socket>();
  return {
    async open() {
      const socket = connect(address.port, '127.0.0.1').setNoDelay();
      await once(socket, 'connect');
      const store = createStoreLink(socket);
      sockets.set(store, socket);
      return store;
    },
    async kill(store) {
      sockets.get(store)?.resetAndDestroy();
    },
    async close() {
      for (const socket of sockets.values()) socket.destroy();
      server.close();
      await embedded.close();
    },
  };
});
