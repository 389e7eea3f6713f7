// The embedded store as a server process reaches it: the contract, said over a stream to the primary, where
// store-service.ts answers. It keeps nothing by itself.
import type { Duplex } from 'node:stream';
import { linkFrames, piecesOf } from './frames.js';
import type { Job, JobInput } from './job.js';
import { type Asks, errorOf, type InputHead, smallBytes, type ToLink, type Verb } from './link-messages.js';
import { type JobRun, type JobStore, storeAway } from './store.js';

interface Asked {
  resolve(answer: { readonly value: unknown; readonly body: Uint8Array<ArrayBuffer> }): void;
  reject(error: Error): void;
}

interface Consumer {
  begin(run: JobRun): void;
  /** Runs whose inputs are on their way. */
  readonly coming: Set<Promise<void>>;
}

export function createStoreLink(stream: Duplex): JobStore {
  const asked = new Map<number, Asked>();
  const watches = new Map<number, (job: Job) => void>();
  const consumers = new Map<number, Consumer>();
  const runs = new Map<number, AbortController>();
  let last = 0;
  let isOver = false;

  const frames = linkFrames(stream, {
    // No other code writes to this stream.
    received: (head, body) => receive(head as ToLink, body),
    ended() {
      isOver = true;
      for (const { reject } of asked.values()) reject(storeAway());
      asked.clear();
      for (const stop of runs.values()) stop.abort('lost');
      runs.clear();
    },
  });

  function receive(message: ToLink, body: Uint8Array<ArrayBuffer>): void {
    switch (message.type) {
      case 'answer':
      case 'refusal': {
        const waiting = asked.get(message.ask);
        asked.delete(message.ask);
        if (message.type === 'answer') waiting?.resolve({ value: message.value, body });
        else waiting?.reject(errorOf(message.error));
        return;
      }
      case 'changed':
        watches.get(message.watch)?.(message.job);
        return;
      case 'stop':
        runs.get(message.run)?.abort(message.reason);
        return;
      case 'begin': {
        const consumer = consumers.get(message.consumer);
        if (consumer === undefined) return;
        const coming = begin(consumer, message.run, message.job, message.input, body);
        consumer.coming.add(coming);
        void coming.finally(() => consumer.coming.delete(coming));
        return;
      }
    }
  }

  function exchange<V extends Verb>(
    verb: V,
    give: Asks[V]['give'],
    body?: Uint8Array,
  ): Promise<{ readonly value: Asks[V]['get']; readonly body: Uint8Array<ArrayBuffer> }> {
    if (isOver) return Promise.reject(storeAway());
    const ask = ++last;
    return new Promise((resolve, reject) => {
      asked.set(ask, {
        resolve: ({ value, body }) => resolve({ value: value as Asks[V]['get'], body }),
        reject,
      });
      frames.send({ type: 'ask', ask, verb, ...give }, body);
    });
  }

  async function ask<V extends Verb>(
    verb: V,
    give: Asks[V]['give'],
    body?: Uint8Array,
  ): Promise<Asks[V]['get']> {
    return (await exchange(verb, give, body)).value;
  }

  /** What nobody waits for: where the store is gone, everything else says so. */
  function tell<V extends Verb>(verb: V, give: Asks[V]['give']): void {
    ask(verb, give).catch(() => undefined);
  }

  /** Sends a large body ahead, a piece at a time. @returns what to call it, null: it is small enough to go along */
  async function sendAhead(body: AsyncIterable<Uint8Array> | Uint8Array): Promise<number | null> {
    if (body instanceof Uint8Array && body.length <= smallBytes) return null;
    const upload = ++last;
    try {
      for await (const piece of piecesOf(body)) await ask('piece', { upload }, piece);
    } catch (error) {
      tell('unpiece', { upload });
      throw error;
    }
    return upload;
  }

  async function begin(
    consumer: Consumer,
    run: number,
    job: Job,
    head: InputHead,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const stop = new AbortController();
    runs.set(run, stop);
    let input: JobInput;
    try {
      input = await fetchInput(run, head, body);
    } catch {
      // The store is gone, and so is the run.
      return;
    }
    const end = async (ended: Promise<unknown>): Promise<void> => {
      try {
        await ended;
      } finally {
        runs.delete(run);
      }
    };
    consumer.begin({
      job,
      input,
      signal: stop.signal,
      progress: (progress) => tell('progress', { run, progress }),
      async complete(answer, result) {
        const upload = await sendAhead(result);
        const small = upload === null && result instanceof Uint8Array ? result : undefined;
        // Where it could not be kept, the run goes on.
        await ask('complete', { run, head: answer, upload }, small);
        runs.delete(run);
      },
      fail: (problem, again) => end(ask('fail', { run, problem, again })),
      giveBack: () => end(ask('giveBack', { run })),
    });
  }

  async function fetchInput(
    run: number,
    { bytes, ...head }: InputHead,
    small: Uint8Array<ArrayBuffer>,
  ): Promise<JobInput> {
    if (small.length === bytes) return { ...head, body: small };
    const body = new Uint8Array(bytes);
    for (let at = 0; at < bytes; ) {
      const piece = (await exchange('input', { run, at })).body;
      if (piece.length === 0) throw new Error('an input ended before its end');
      body.set(piece, at);
      at += piece.length;
    }
    return { ...head, body };
  }

  /** The primary holds nothing for it before the first piece is asked for: who takes none lets go of none. */
  async function* read(id: string): AsyncGenerator<Uint8Array> {
    const reader = ++last;
    let isDone = false;
    try {
      while (!isDone) {
        const { value, body } = await exchange('read', { reader, id });
        isDone = value.done;
        if (body.length > 0) yield body;
      }
    } finally {
      if (!isDone) tell('unread', { reader });
    }
  }

  return {
    async add({ input: { body, ...input }, ...job }) {
      const upload = await sendAhead(body);
      const head = { ...job, input: { ...input, bytes: body.length } };
      return ask('add', { job: head, upload }, upload === null ? body : undefined);
    },
    get: async (id) => (await ask('get', { id })) ?? undefined,
    list: async (query) => ask('list', { query }),
    cancel: async (id) => (await ask('cancel', { id })) ?? undefined,
    retry: async (id) => (await ask('retry', { id })) ?? undefined,
    async result(id) {
      const found = await ask('result', { id });
      return found === null ? undefined : { head: found.head, bytes: found.bytes, body: read(id) };
    },
    async watch(id, onChange) {
      const watch = ++last;
      watches.set(watch, onChange);
      const isThere = await ask('watch', { watch, id });
      if (!isThere) watches.delete(watch);
      return isThere
        ? {
            close() {
              if (watches.delete(watch)) tell('unwatch', { watch });
            },
          }
        : undefined;
    },
    counts: () => ask('counts', {}),
    consume(tasks, beginRun, atOnce = {}) {
      const number = ++last;
      const consumer: Consumer = { begin: beginRun, coming: new Set() };
      consumers.set(number, consumer);
      tell('consume', { consumer: number, tasks, atOnce });
      return {
        capacity: (most) => tell('capacity', { consumer: number, most }),
        async close() {
          await ask('unconsume', { consumer: number }).catch(() => undefined);
          await Promise.all(consumer.coming);
          consumers.delete(number);
        },
      };
    },
    async close() {
      frames.close();
    },
  };
}
