// When refusals are answered: on a clock that the test turns, then by an app in front of real connections.
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createRefusalRate, type RefusalRate } from '#src/server/refusal-rate.js';
import { type TaskApp, taskApps, testConfig } from '../support/app.js';
import { RawClient } from '../support/raw-client.js';
import { listen } from '../support/wire.js';

describe('refusals', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Clients that do not wait for their answers. @returns the delays of the last second, in ms */
  function openLoop(perSecond: number): number[] {
    const rate = createRefusalRate(() => Date.now());
    const seconds = 6;
    const delays: number[] = [];
    for (let ms = 0; ms < seconds * 1_000; ms += 5) {
      for (let i = 0; i < perSecond / 200; i++) {
        const cameMs = Date.now();
        rate.inTurn(() => {
          if (ms >= (seconds - 1) * 1_000) delays.push(Date.now() - cameMs);
        });
      }
      vi.advanceTimersByTime(5);
    }
    vi.advanceTimersByTime(1_100);
    expect(delays).toHaveLength(perSecond);
    return delays;
  }

  it('up to a thousand a second are answered at once', () => {
    expect(Math.max(...openLoop(1_000))).toBe(0);
  });

  it('that come faster all the same wait for a second, and no longer', () => {
    const delays = openLoop(6_000);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(900);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_005);
  });

  it.each([[100], [900]])('of %i clients that ask again at once are a thousand a second', (clients) => {
    const rate = createRefusalRate(() => Date.now());
    let ready = clients;
    let answered = 0;
    function forMs(ms: number): void {
      for (let left = ms; left > 0; left--) {
        const asking = ready;
        ready = 0;
        for (let i = 0; i < asking; i++) {
          rate.inTurn(() => {
            answered++;
            ready++;
          });
        }
        vi.advanceTimersByTime(1);
      }
    }
    forMs(5_000);
    answered = 0;
    forMs(5_000);
    expect(answered / 5).toBeCloseTo(1_000, -2);
  });
});

describe('an app', () => {
  let apps: TaskApp;
  let port: number;
  let nowMs: number;
  let rate: RefusalRate;

  beforeEach(async () => {
    apps = await taskApps();
    onTestFinished(async () => void (await apps.lane.close()));
    nowMs = 0;
    rate = createRefusalRate(() => nowMs);
    port = await portOf({});
  });

  async function portOf(env: Record<string, string>): Promise<number> {
    const server = await listen(apps.fullApp({ refusalRate: rate, config: testConfig(env) }));
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** As many as may come at once. */
  function useUp(): void {
    for (let i = 0; i < 1_000; i++) rate.inTurn(() => undefined);
  }

  async function connect(): Promise<RawClient> {
    const client = await RawClient.connect(port);
    onTestFinished(() => client.destroy());
    return client;
  }

  const refused = (id: number, more = '') =>
    `GET /letters/count?data=a HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\n${more}\r\n`;
  const light = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

  it('answers a refusal when it is its turn, and everything else at once', async () => {
    useUp();
    const client = await connect();
    const other = await connect();
    client.send(refused(1) + refused(2) + light);
    other.send(light);
    expect((await other.answer()).status).toBe(200);
    expect(client.unread).toBe('');
    nowMs += 10;
    for (const id of ['1', '2']) {
      const { status, headers } = await client.answer();
      expect([status, headers.get('x-request-id'), headers.get('retry-after')]).toEqual([503, id, '7']);
    }
    expect((await client.answer()).status).toBe(200);
  });

  it('answers a trusted balancer at once that sends what is refused elsewhere', async () => {
    useUp();
    const behind = await RawClient.connect(await portOf({ TRUST_PROXY: 'loopback' }));
    onTestFinished(() => behind.destroy());
    behind.send(refused(1, 'X-Millrace-Retries: 1\r\n'));
    expect((await behind.answer()).status).toBe(503);
    behind.send(refused(2) + light);
    const client = await connect();
    // Nobody is trusted here: anybody could say so.
    client.send(refused(3, 'X-Millrace-Retries: 1\r\n') + light);
    const other = await connect();
    other.send(light);
    await other.answer();
    expect([behind.unread, client.unread]).toEqual(['', '']);
    nowMs += 10;
    for (const one of [behind, client]) expect((await one.answer()).status).toBe(503);
  });

  it('goes on when a client leaves before its turn', async () => {
    useUp();
    const gone = await connect();
    const stays = await connect();
    gone.send(refused(1));
    stays.send(refused(2));
    stays.send(light);
    gone.destroy();
    await gone.closed();
    nowMs += 10;
    expect((await stays.answer()).status).toBe(503);
    expect((await stays.answer()).status).toBe(200);
  });

  it('answers what waits when the rate is closed, and everything at once from then on', async () => {
    useUp();
    const client = await connect();
    const other = await connect();
    client.send(refused(1));
    other.send(light);
    await other.answer();
    rate.close();
    expect((await client.answer()).status).toBe(503);
    client.send(refused(2));
    expect((await client.answer()).status).toBe(503);
  });
});
