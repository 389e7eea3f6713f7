// This process's two connections to Redis, a cluster's like those of one server: one for commands, one that listens. They
// mend themselves. What is asked while Redis is away is refused at once, and nothing is sent twice behind the asker's back.
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import type { RedisAddress } from '../../redis-address.js';
import type { RedisPackages } from './packages.js';
import { type Script, scripts } from './scripts.js';

export interface RedisLink {
  /** For BullMQ. */
  readonly client: Redis | Cluster;
  /** Redis answers. */
  readonly isUp: boolean;
  run(script: Script, ...args: readonly (string | number | Uint8Array)[]): Promise<unknown>;
  /** The same, with texts as bytes. */
  runForBytes(script: Script, ...args: readonly (string | number)[]): Promise<unknown>;
  publish(channel: string, message: string): void;
  /** Resolves once nothing that is published can be missed, until the connection is lost. */
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): void;
  /** Redis has not answered for a while: until it does, it counts as away. */
  doubt(): void;
  /** That the connections are alive: of a machine that is gone nobody hears a word. */
  probe(): void;
  close(): Promise<void>;
}

export interface LinkEvents {
  message(channel: string, message: string): void;
  /** Also after an absence: what was published meanwhile was missed. */
  up(): void;
  away(error: Error): void;
}

/** Longest silence of a server that was asked something. */
const silenceMs = 5_000;
const longestRetryMs = 1_000;

export function connectRedis(
  { ioredis }: RedisPackages,
  address: RedisAddress,
  hashTag: string,
  events: LinkEvents,
): RedisLink {
  let isClosed = false;
  let isDoubted = false;
  let isTold = false;
  let lastError: Error | undefined;

  const retryMs = (attempt: number): number => Math.min(longestRetryMs, 50 * 2 ** Math.min(attempt, 6));
  const { username, password, db, isTls } = address;
  const options: RedisOptions = {
    connectionName: 'millrace',
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {} } : {}),
    db,
    connectTimeout: silenceMs,
    socketTimeout: silenceMs,
    retryStrategy: retryMs,
    // With 0, what was under way when the connection broke is rejected then, and not sent again.
    maxRetriesPerRequest: 0,
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };

  function connect(isListener: boolean): Redis | Cluster {
    const more = isListener
      ? { enableOfflineQueue: true, maxRetriesPerRequest: null }
      : { enableOfflineQueue: false, commandTimeout: silenceMs };
    if (address.isCluster)
      return new ioredis.Cluster([...address.nodes], {
        enableOfflineQueue: isListener,
        clusterRetryStrategy: retryMs,
        slotsRefreshTimeout: 2_000,
        redisOptions: { ...options, ...more, db: 0 },
        // Behind TLS a node's name is what its certificate says, and not its address.
        ...(isTls ? { dnsLookup: (name, found) => found(null, name) } : {}),
      });
    const [node] = address.nodes;
    return new ioredis.Redis({ ...options, ...more, ...node });
  }

  const client = connect(false);
  const listener = connect(true);

  for (const connection of [client, listener]) {
    connection.on('error', (error: Error) => {
      lastError = error;
    });
    connection.on('close', () => lost());
    connection.on('ready', () => isUp());
  }
  listener.on('message', (channel: string, message: string) => events.message(channel, message));

  function isUp(): void {
    if (isClosed || client.status !== 'ready' || listener.status !== 'ready') return;
    isDoubted = false;
    isTold = false;
    lastError = undefined;
    events.up();
  }

  function lost(error: Error = lastError ?? new Error('The connection to Redis was closed.')): void {
    if (isClosed || isTold) return;
    isTold = true;
    events.away(error);
  }

  function run(script: Script, ...args: readonly (string | number | Uint8Array)[]): Promise<unknown> {
    const given = args.map((arg) =>
      arg instanceof Uint8Array ? Buffer.from(arg.buffer, arg.byteOffset, arg.length) : arg,
    );
    return evaluate(script, (command, source) => client.call(command, source, 1, hashTag, ...given));
  }

  function runForBytes(script: Script, ...args: readonly (string | number)[]): Promise<unknown> {
    return evaluate(script, (command, source) => client.callBuffer(command, source, 1, hashTag, ...args));
  }

  return {
    client,
    get isUp() {
      return !isClosed && !isDoubted && client.status === 'ready';
    },
    run,
    runForBytes,
    publish(channel, message) {
      client.publish(channel, message).catch(() => undefined);
    },
    async subscribe(channel) {
      await listener.subscribe(channel);
    },
    unsubscribe(channel) {
      listener.unsubscribe(channel).catch(() => undefined);
    },
    doubt() {
      if (isClosed || isDoubted) return;
      isDoubted = true;
      lost(new Error('Redis does not answer.'));
      run(scripts.read, '').then(isUp, () => undefined);
    },
    probe() {
      if (client.status === 'ready')
        run(scripts.read, '').then(
          () => isDoubted && isUp(),
          () => undefined,
        );
      if (listener.status === 'ready') listener.ping().catch(() => undefined);
    },
    async close() {
      isClosed = true;
      for (const connection of [client, listener]) connection.disconnect();
    },
  };
}

/** By its digest, or whole where the server has not had it since it was started. */
async function evaluate(
  script: Script,
  ask: (command: 'evalsha' | 'eval', source: string) => Promise<unknown>,
): Promise<unknown> {
  try {
    return await ask('evalsha', script.sha);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return ask('eval', script.lua);
  }
}
