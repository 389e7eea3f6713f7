import { describe, expect, it } from 'vitest';
import { mostFollowers } from '#src/jobs/job.js';
import { createJobTable, type JobTable, type TableLimits } from '#src/jobs/job-table.js';
import { jsonInput, newJob } from './contract.js';

const usual: TableLimits = { mostWaiting: 100, mostBytes: 1_000_000, keepMs: 60_000, attempts: 3 };

function tableAt(limits: Partial<TableLimits> = {}) {
  const clock = { now: 1_000, epoch: 5_000_000 };
  const table = createJobTable(
    { ...usual, ...limits },
    { nowMs: () => clock.now, epochMs: () => clock.epoch },
  );
  return { table, clock };
}

function addWaiting(table: JobTable, client = 'ann'): string {
  const { id } = table.add(newJob({ client })).record.job;
  table.admit(id);
  return id;
}

/** The ids of so many runs, all begun in one process. */
function begin(table: JobTable, count: number, withSuspects = true) {
  return Array.from({ length: count }, () => table.take(['quick'], withSuspects)).flatMap((record) =>
    record === undefined ? [] : [{ id: record.job.id, runs: record.runs }],
  );
}

describe('a process that dies', () => {
  it('costs the jobs that it ran an attempt; then each is the only one of its kind in its process', () => {
    const { table } = tableAt();
    const [poison = '', other = ''] = [addWaiting(table), addWaiting(table)];
    table.lost(begin(table, 2));
    expect(begin(table, 2)[0]?.id).toBe(poison);
    expect(table.take(['quick'], false)).toBeUndefined();
    expect(table.get(other)?.job).toMatchObject({ state: 'running', attempts: 2 });
  });

  it('costs others nothing where one was there that had lost a process before', () => {
    const { table } = tableAt();
    const poison = addWaiting(table);
    table.lost(begin(table, 1));
    const innocent = addWaiting(table);
    for (let attempt = 2; attempt <= 3; attempt++) table.lost(begin(table, 2));
    expect(table.get(poison)?.job).toMatchObject({ state: 'failed', attempts: 3 });
    expect(table.get(innocent)?.job).toMatchObject({ state: 'waiting', attempts: 0 });
  });
});

describe('identical jobs', () => {
  const share = { key: 's', ttlMs: 50_000 };
  const add = (table: JobTable): string => {
    const { id } = table.add(newJob({ share })).record.job;
    table.admit(id);
    return id;
  };

  it('that are given a result keep it for their whole time, though another one ran', () => {
    const { table, clock } = tableAt();
    const id = add(table);
    const [run] = begin(table, 1);
    table.complete(id, run?.runs ?? 0, 10);
    const advance = (ms: number): void => {
      clock.now += ms;
      clock.epoch += ms;
    };
    advance(49_000);
    const second = add(table);
    expect(table.get(second)).toMatchObject({ resultOf: id, job: { state: 'completed' } });
    advance(59_000);
    expect(table.expire().expired).toEqual([]);
    // The first has ended too long ago by now.
    const third = add(table);
    expect(table.isShared(third)).toBe(false);
    advance(1_000);
    expect(
      table
        .expire()
        .expired.map(({ job }) => job.id)
        .toSorted(),
    ).toEqual([id, second].toSorted());
  });

  it('are as many as may end at once; then there is another run', () => {
    const { table } = tableAt({ mostWaiting: 2_000, mostBytes: 1e9 });
    const first = add(table);
    const others = Array.from({ length: mostFollowers }, () => add(table));
    const next = add(table);
    const late = add(table);
    expect([first, next].map(table.isShared)).toEqual([false, false]);
    expect([...others, late].every(table.isShared)).toBe(true);
    const [run] = begin(table, 5);
    table.complete(first, run?.runs ?? 0, 10);
    expect(table.settle(first).map(({ job }) => job.id)).toEqual(others);
    expect(table.get(late)?.job.state).toBe('waiting');
  });

  it('have one run again after a restart, with the first of them', () => {
    const { table } = tableAt();
    const ids = [add(table), add(table)];
    begin(table, 1);
    const written = ids.flatMap((id) => table.get(id) ?? []);
    const next = tableAt().table;
    next.restore(written);
    expect(begin(next, 2).map(({ id }) => id)).toEqual([ids[0]]);
    next.complete(ids[0] ?? '', 2, 10);
    expect(next.settle(ids[0] ?? '')).toMatchObject([{ resultOf: ids[0], job: { id: ids[1] } }]);
  });
});

describe('the clock', () => {
  it('may be set back or forward: how long a result is kept stays the same', () => {
    const { table, clock } = tableAt();
    const id = addWaiting(table);
    const [run] = begin(table, 1);
    table.complete(id, run?.runs ?? 0, 10);
    clock.epoch -= 3_600_000;
    clock.now += 59_999;
    expect(table.expire().expired).toEqual([]);
    clock.epoch += 7_200_000;
    expect(table.expire().expired).toEqual([]);
    clock.now += 1;
    expect(table.expire().expired.map(({ job }) => job.id)).toEqual([id]);
    expect(table.get(id)?.job.isExpired).toBe(true);
    clock.now += 60_000;
    expect(table.expire().forgotten.map(({ job }) => job.id)).toEqual([id]);
    expect(table.get(id)).toBeUndefined();
    expect(table.nextExpiryMs).toBeUndefined();
  });

  it('of a process that wrote jobs down may have been ahead: they are kept no longer than they are to be', () => {
    const { table, clock } = tableAt();
    const id = addWaiting(table);
    const [run] = begin(table, 1);
    const written = table.complete(id, run?.runs ?? 0, 10);
    const later = tableAt();
    later.clock.epoch = clock.epoch - 3_600_000;
    later.table.restore(written === undefined ? [] : [written]);
    expect(later.table.nextExpiryMs).toBe(later.clock.now + 60_000);
  });
});

describe('what is kept', () => {
  it('is bounded in bytes, results included, and freed by expiry', () => {
    const { table, clock } = tableAt({ mostBytes: 10_000 });
    const id = addWaiting(table);
    const [run] = begin(table, 1);
    table.complete(id, run?.runs ?? 0, 8_000);
    expect(() => table.add(newJob())).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    clock.now += 60_000;
    table.expire();
    const input = { ...jsonInput(null), body: new Uint8Array(8_000) };
    table.add(newJob({ input }));
    expect(() => table.add(newJob())).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  });

  it('includes bodies that are on their way, of which a small one always finds room', () => {
    const { table } = tableAt({ mostBytes: 200_000 });
    const [one, two, small] = [table.hold(), table.hold(), table.hold()];
    one.take(150_000);
    const overloaded = expect.objectContaining({ code: 'OVERLOADED' });
    expect(() => two.take(70_000)).toThrow(overloaded);
    small.take(60_000);
    expect(() => small.take(6_000)).toThrow(overloaded);
    expect(() => table.add(newJob())).toThrow(overloaded);
    one.leave();
    one.leave();
    two.take(130_000);
    table.add(newJob());
  });

  it('of ten thousand clients in turn is taken without looking at all of it each time', () => {
    const { table } = tableAt({ mostWaiting: 20_000, mostBytes: 1e9 });
    const ids = Array.from({ length: 20_000 }, (_, i) => addWaiting(table, `client ${i % 10_000}`));
    const taken = begin(table, 20_000).map(({ id }) => id);
    expect(taken).toEqual(ids);
    expect(table.counts().states).toMatchObject({ waiting: 0, running: 20_000 });
  });

  it('counts each job once, whatever happens to it', () => {
    const { table, clock } = tableAt();
    for (let i = 0; i < 6; i++) addWaiting(table);
    const runs = begin(table, 4);
    const at = (index: number) => [runs[index]?.id ?? '', runs[index]?.runs ?? 0] as const;
    table.complete(...at(0), 1);
    table.fail(...at(1), { code: 'TASK_FAILED', detail: '' }, false);
    table.giveBack(...at(2));
    table.cancel(runs[3]?.id ?? '');
    table.complete(...at(3), 1);
    expect(table.counts().states).toEqual({ waiting: 3, running: 0, completed: 1, failed: 1, cancelled: 1 });
    table.retry(runs[1]?.id ?? '');
    clock.now += 60_000;
    table.expire();
    expect(table.counts()).toEqual({
      states: { waiting: 4, running: 0, completed: 0, failed: 0, cancelled: 0 },
      oldestMs: 60_000,
      reruns: 0,
    });
  });
});
