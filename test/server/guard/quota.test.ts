// The quota's rules on a clock of our own: a primary's accounts and the server processes that draw on it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '#src/errors.js';
import { createQuotaAccounts } from '#src/primary/quota-accounts.js';
import { createQuota, type Quota, silenceMs } from '#src/server/guard/quota.js';

const quotaMs = 60_000;

/** Runs what a call costs at once, exactly as estimated; or tells after how many seconds to come back. */
function tryCall(quota: Quota, client: string, ms: number, nowMs: number): 'ran' | number {
  try {
    quota.charge(client, ms, nowMs).ran(ms, nowMs);
    return 'ran';
  } catch (error) {
    if (error instanceof AppError && error.code === 'QUOTA_EXCEEDED') return error.retryAfterSeconds ?? -1;
    throw error;
  }
}

/** A cluster without a network: messages take `delayMs`, and nothing else takes any time. */
function cluster(processes: number, { delayMs = 1, quota = quotaMs } = {}) {
  const accounts = createQuotaAccounts(quota);
  const messages: { atMs: number; deliver(): void }[] = [];
  let nowMs = 1_000;
  let silent = false;
  const all = Array.from({ length: processes }, () =>
    createQuota({ quotaMs: quota, processes, onUrgent() {} }),
  );

  function tell(): void {
    for (const one of all) {
      const reports = one.takeReports(nowMs);
      if (reports.length === 0) continue;
      messages.push({
        atMs: nowMs + delayMs,
        deliver() {
          const answer = accounts.settle(reports, processes, nowMs);
          messages.push({ atMs: nowMs + delayMs, deliver: () => one.grant(answer, nowMs) });
        },
      });
    }
  }

  return {
    accounts,
    all,
    get nowMs() {
      return nowMs;
    },
    call: (process: number, ms: number, client = 'ann') => tryCall(at(process), client, ms, nowMs),
    at,
    setSilent(value: boolean) {
      silent = value;
    },
    advance(ms: number) {
      for (const endMs = nowMs + ms; nowMs < endMs; ) {
        tell();
        if (!silent) {
          for (const message of messages.filter(({ atMs }) => atMs <= nowMs)) {
            messages.splice(messages.indexOf(message), 1);
            message.deliver();
          }
        }
        nowMs = Math.min(endMs, nowMs + (ms > 5_000 ? 100 : Math.max(1, delayMs)));
      }
    },
  };

  function at(process: number): Quota {
    const one = all[process % processes];
    if (one === undefined) throw new Error('no such process');
    return one;
  }
}

/** Calls of this length one after the other, until one is refused; returns what they used. */
function spendAll(world: ReturnType<typeof cluster>, process: number, ms: number): number {
  let spentMs = 0;
  for (;;) {
    const ran = world.call(process, ms) === 'ran';
    world.advance(1);
    if (!ran) return spentMs;
    spentMs += ms;
  }
}

describe('a client’s CPU quota', () => {
  it('may be spent whole within seconds through a single process of several', () => {
    for (const processes of [1, 2, 8]) {
      const world = cluster(processes);
      const startMs = world.nowMs;
      let spentMs = 0;
      while (spentMs < quotaMs && world.nowMs < startMs + 8_000) spentMs += spendAll(world, 0, 100);
      expect(spentMs, `${processes} processes`).toBeGreaterThanOrEqual(quotaMs);
    }
  });

  it.each([10, 50, 150, 180, 200, 240])(
    'reaches a client whose calls of %d ms go from process to process',
    (ms) => {
      for (const processes of [2, 4, 8]) {
        const world = cluster(processes, { quota: 1_000 });
        let spentMs = 0;
        for (let i = 0; world.call(i, ms) === 'ran'; i++) {
          spentMs += ms;
          world.advance(ms);
        }
        expect(spentMs, `${processes} processes`).toBeGreaterThanOrEqual(730);
      }
    },
  );

  it('reaches a client that stays with one process', () => {
    for (const processes of [2, 4, 8]) {
      const world = cluster(processes, { quota: 10_000 });
      let spentMs = 0;
      for (; world.call(0, 50) === 'ran'; spentMs += 50) world.advance(50);
      expect(spentMs, `${processes} processes`).toBeGreaterThanOrEqual(7_000);
    }
  });

  it('is shared by as many processes as the primary says', () => {
    const quota = createQuota({ quotaMs, processes: 1, onUrgent() {} });
    expect(tryCall(quota, 'ann', 1, 0)).toBe('ran');
    quota.takeReports(0);
    quota.grant({ grants: [{ client: 'ann', grantedMs: 0, leftMs: quotaMs - 1 }], processes: 2 }, 1);
    let spentMs = 0;
    while (tryCall(quota, 'ann', 1_000, 2) === 'ran') spentMs += 1_000;
    expect(spentMs).toBe(quotaMs / 4);
  });

  it('refuses with the time after which the call may really be made', () => {
    const world = cluster(2);
    for (let i = 0; i < 3; i++) spendAll(world, i, 100);
    for (let i = 0; i < 20; i++) {
      const seconds = world.call(i, 5_000);
      if (seconds === 'ran') break;
      world.advance(seconds * 1_000);
      expect(i).toBeLessThan(6);
    }
  });

  it('is one for all processes: half the refill each, whoever asks', () => {
    const world = cluster(2);
    const spendTo = (endMs: number) => {
      while (world.nowMs < endMs) for (const process of [0, 1]) spendAll(world, process, 100);
    };
    spendTo(world.nowMs + 5_000);
    const before = world.nowMs;
    let spentMs = 0;
    while (world.nowMs < before + 60_000) {
      for (const process of [0, 1]) if (world.call(process, 20) === 'ran') spentMs += 20;
      world.advance(25);
    }
    expect(spentMs).toBeGreaterThan(quotaMs * 0.8);
    expect(spentMs).toBeLessThan(quotaMs * 1.1);
  });

  it('does not touch others', () => {
    const world = cluster(2);
    spendAll(world, 0, 100);
    expect(world.call(0, 100, 'bob')).toBe('ran');
  });

  it('lets a call that seems longer than the quota run where nothing was spent, and once', () => {
    const world = cluster(2);
    const quota = world.at(0);
    quota.charge('ann', 10 * quotaMs, world.nowMs).ran(70_000, world.nowMs);
    world.advance(10);
    expect(world.call(0, 1)).toBeGreaterThan(9);
    expect(world.call(1, 1)).toBe('ran');
    world.advance(10);
    expect(world.call(1, 1)).toBeGreaterThan(9);
  });

  it('is given back what a call was estimated too high, or did not run', () => {
    const world = cluster(1);
    const quota = world.at(0);
    quota.charge('ann', 50_000, world.nowMs).ran(10_000, world.nowMs);
    quota.charge('ann', 50_000, world.nowMs).ran(0, world.nowMs);
    expect(quota.headers('ann', world.nowMs)).toEqual({
      'RateLimit-Policy': '"cpu";q=60000;w=60',
      RateLimit: '"cpu";r=50000;t=10',
    });
  });

  it('goes on with each process’s share while the primary is silent, and tells afterwards', () => {
    const world = cluster(2);
    world.call(0, 100);
    world.setSilent(true);
    world.call(0, 100);
    world.call(1, 100);
    world.advance(silenceMs + 1_100);
    const spent = [0, 1].map((process) => spendAll(world, process, 50));
    for (const ms of spent) {
      expect(ms).toBeGreaterThan(quotaMs / 4);
      expect(ms).toBeLessThan(quotaMs);
    }
    world.setSilent(false);
    world.advance(3_000);
    expect([world.call(0, 5_000), world.call(1, 5_000)]).not.toContain('ran');
  });

  it('forgets clients whose quota is whole again, in the processes and in the primary', () => {
    const world = cluster(2);
    for (let i = 0; i < 5_000; i++) world.call(i, 0.5, `client ${i}`);
    world.advance(10_000);
    expect(world.all.map((quota) => quota.size)).toEqual([0, 0]);
    world.call(0, 1);
    world.advance(10_000);
    expect(world.accounts.size).toBeLessThan(5_000);
  });

  it('is kept for a bounded number of clients, whoever comes', () => {
    const quota = createQuota({ quotaMs, processes: 1, onUrgent() {}, mostClients: 100 });
    for (let i = 0; i < 10_000; i++) tryCall(quota, `client ${i}`, 1_000, 0);
    expect(quota.size).toBe(100);
    expect(quota.takeReports(0).length).toBeLessThanOrEqual(100);
  });

  it('reports a client at most once a second', () => {
    const quota = createQuota({ quotaMs, processes: 2, onUrgent() {} });
    let reports = 0;
    for (let nowMs = 0; nowMs < 10_000; nowMs += 10) {
      tryCall(quota, 'ann', 30, nowMs);
      const told = quota.takeReports(nowMs);
      reports += told.length;
      const grants = [{ client: 'ann', grantedMs: 0, leftMs: 1_000_000 }];
      if (told.length > 0) quota.grant({ grants, processes: 2 }, nowMs);
    }
    expect(reports).toBeLessThanOrEqual(10);
  });
});

describe('whatever clients, processes and messages do', () => {
  const call = fc.record({
    process: fc.nat({ max: 7 }),
    ms: fc.integer({ min: 1, max: 100 }).map((part) => (part / 100) ** 3 * 20_000),
    /** Part of the estimate that it really takes. */
    run: fc.nat({ max: 100 }).map((part) => part / 100),
    pauseMs: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat({ max: 3_000 })),
    burst: fc.integer({ min: 1, max: 40 }),
  });

  it('no client ever uses more than the quota, what came back since, and the stated debt', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom(1, 20, 400),
        fc.array(call, { maxLength: 120 }),
        (processes, delayMs, calls) => {
          const world = cluster(processes, { delayMs });
          const startMs = world.nowMs;
          let spentMs = 0;
          let largestMs = 0;
          for (const { process, ms, run, pauseMs, burst } of calls) {
            for (let i = 0; i < burst; i++) {
              try {
                world
                  .at(process)
                  .charge('ann', ms, world.nowMs)
                  .ran(ms * run, world.nowMs);
                spentMs += ms * run;
                largestMs = Math.max(largestMs, ms);
              } catch (error) {
                if (!(error instanceof AppError)) throw error;
              }
            }
            world.advance(pauseMs);
            const elapsedMs = world.nowMs - startMs;
            const debtMs = processes * Math.max(quotaMs / (2 * processes), largestMs);
            // What is refilled while a lease is out: some seconds' worth.
            const slackMs = quotaMs / 10;
            expect(spentMs).toBeLessThanOrEqual(quotaMs + elapsedMs + debtMs + slackMs);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('a client that rests is whole again after what it owes, and no earlier', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(call, { maxLength: 30 }), (processes, calls) => {
        const world = cluster(processes);
        let spentMs = 0;
        for (const { process, ms, pauseMs } of calls) {
          if (world.call(process, ms) === 'ran') spentMs += ms;
          world.advance(pauseMs);
        }
        world.advance(spentMs + 10_000);
        for (let process = 0; process < processes; process++) {
          expect(world.at(process).headers('ann', world.nowMs).RateLimit).toBe('"cpu";r=60000;t=0');
        }
      }),
      { numRuns: 50 },
    );
  });
});
