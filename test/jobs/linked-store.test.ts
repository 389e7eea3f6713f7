import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEmbeddedStore, type EmbeddedStore } from '#src/jobs/embedded-store.js';
import { createMemoryShelf, type Shelf } from '#src/jobs/shelf.js';
import type { JobRun, JobStore } from '#src/jobs/store.js';
import { createStoreLink } from '#src/jobs/store-link.js';
import { serveStore } from '#src/jobs/store-service.js';
import { jobStoreContract, newJob, runJobs } from './contract.js';

async function serve(
  embedded: EmbeddedStore,
): Promise<{ readonly server: Server; connected(): Promise<Socket> }> {
  const server = createServer((socket) => void serveStore(socket, embedded.join()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return {
    server,
    async connected() {
      const socket = connect(address.port, '127.0.0.1').setNoDelay();
      await once(socket, 'connect');
      return socket;
    },
  };
}

// As server processes reach the primary's store: over a stream, which ends when they die.
jobStoreContract('linked to the primary', async (limits) => {
  const embedded = createEmbeddedStore({ limits: { ...limits, mostBytes: 1 << 30 } });
  const { server, connected } = await serve(embedded);
  const sockets = new Map<JobStore, Socket>();
  return {
    async open() {
      const socket = await connected();
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

const limits = { mostWaiting: 100, keepMs: 60_000, attempts: 3, mostBytes: 1_000_000 };
const head = { lane: 'thread', contentType: 'text/plain', queueMs: 1, runMs: 2 } as const;
const piece = new Uint8Array(100_000);

async function* piecesOf(count: number, thrown?: Error): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield piece;
  if (thrown !== undefined) throw thrown;
}

async function linked(shelf: Shelf): Promise<{ store: JobStore; socket: Socket }> {
  const embedded = createEmbeddedStore({ limits, shelf });
  const { server, connected } = await serve(embedded);
  const socket = await connected();
  onTestFinished(async () => {
    socket.destroy();
    server.close();
    await embedded.close();
  });
  return { store: createStoreLink(socket), socket };
}

async function nextRun(store: JobStore): Promise<JobRun> {
  await store.add(newJob());
  return runJobs(store, ['quick'], 1).next();
}

describe('the primary', () => {
  it('opens a result for who reads it, and closes it when they leave half-way or die', async () => {
    const memory = createMemoryShelf();
    let begun = 0;
    let open = 0;
    const { store, socket } = await linked({
      ...memory,
      result(id) {
        const found = memory.result(id);
        return found && { ...found, body: { [Symbol.asyncIterator]: () => begin(found.body) } };
      },
    });
    function begin(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      begun++;
      return counted(body);
    }
    async function* counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      open++;
      try {
        yield* body;
      } finally {
        open--;
      }
    }
    const run = await nextRun(store);
    await run.complete(head, piecesOf(5));
    const { id } = run.job;
    expect((await store.result(id))?.bytes).toBe(500_000);
    await store.counts();
    expect(begun).toBe(0);

    const left = await store.result(id);
    for await (const _ of left?.body ?? []) break;
    await expect.poll(() => open).toBe(0);
    expect(begun).toBe(1);

    const held = (await store.result(id))?.body[Symbol.asyncIterator]();
    await held?.next();
    expect(open).toBe(1);
    socket.resetAndDestroy();
    await expect.poll(() => open).toBe(0);
  });

  it('keeps nothing of a result whose stream broke off', async () => {
    const { store } = await linked(createMemoryShelf());
    const run = await nextRun(store);
    for (let i = 0; i < 3; i++)
      await expect(run.complete(head, piecesOf(6, new Error('broken')))).rejects.toThrow('broken');
    await run.complete(head, piecesOf(6));
    expect(await store.get(run.job.id)).toMatchObject({ state: 'completed' });
  });

  it('refuses the piece of a result that is too much, and its run may still fail', async () => {
    const { store } = await linked(createMemoryShelf());
    const run = await nextRun(store);
    let taken = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        taken++;
        yield piece;
      }
    }
    await expect(run.complete(head, endless())).rejects.toMatchObject({
      code: 'OVERLOADED',
      message: 'There is no room left for the inputs and results of jobs.',
    });
    expect(taken).toBe(10);
    await run.fail({ code: 'INTERNAL', detail: 'No room.' }, false);
    expect(await store.get(run.job.id)).toMatchObject({ state: 'failed' });

    // Where there is no primary it is the same.
    const embedded = createEmbeddedStore({ limits });
    const own = embedded.join();
    const ownRun = await nextRun(own);
    await expect(ownRun.complete(head, endless())).rejects.toMatchObject({ code: 'OVERLOADED' });
    await ownRun.complete(head, piecesOf(8));
    expect(await own.get(ownRun.job.id)).toMatchObject({ state: 'completed' });
    await embedded.close();
  });
});
