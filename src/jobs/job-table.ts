// The table of jobs of a store that is embedded in the server: which there are, whose turn it is, and what becomes of
// each. Pure: the clocks are handed in, and bodies (inputs and results) are kept elsewhere, only their sizes count here.
import type { Progress } from '../task.js';
import { hasEnded, type Job, type JobProblem, type JobState, jobStates, mostFollowers } from './job.js';
import { createJobHistory, type HistoryEntry } from './job-history.js';
import { createJobOrder } from './job-order.js';
import {
  idempotencyMismatch,
  type JobCounts,
  type JobLimits,
  type JobPage,
  type JobQuery,
  lostTooOften,
  type NewJob,
  noRoomLeft,
  notFailed,
  tooManyJobs,
} from './store.js';

export interface TableLimits extends JobLimits {
  /** Of inputs and results together. */
  readonly mostBytes: number;
}

export interface TableClock {
  /** Monotonic: how long something lasts is not to change where the clock is set. */
  nowMs(): number;
  /** For people. */
  epochMs(): number;
}

/** A job with what the table alone needs to know of it. */
export interface JobRecord extends HistoryEntry {
  readonly idempotency: NewJob['idempotency'];
  /** Undefined: it was written down before there was such a thing. */
  readonly share?: NewJob['share'] | undefined;
  /** Whose result it has, where nothing of it ran. */
  readonly resultOf?: string | undefined;
  /** Its place in its client's turns. */
  readonly turn: number;
  /** Of what is kept for it. */
  readonly inputBytes: number;
  readonly resultBytes: number;
  /** Which run it is in or was in; late words of others count no more. */
  readonly runs: number;
  /** A process died that was running it: another time it is the only such one of its process. */
  readonly isSuspect: boolean;
  readonly createdMs: number;
  /** When it is kept no longer, once it has ended. */
  readonly expiresMs: number | undefined;
}

/** A record as another process wrote it down; the monotonic clock of that one means nothing here. */
export type WrittenRecord = Omit<JobRecord, 'createdMs' | 'expiresMs'>;

/** A job that has ended at once, with the result of an identical one, which is kept for as long now. */
export interface KeptResult {
  readonly given: JobRecord;
  readonly owner: JobRecord;
}

/** Room for a body that comes in pieces, until it is counted with its job, or dropped. */
export interface HeldRoom {
  /** @throws AppError OVERLOADED where there is no room for so much more */
  take(moreBytes: number): void;
  leave(): void;
}

export interface JobTable {
  /**
   * A place for the job. It waits from `admit` on: until then nobody takes it, so that it can be written down first.
   * @throws AppError IDEMPOTENCY_MISMATCH, OVERLOADED
   */
  add(job: NewJob): { readonly record: JobRecord; readonly isNew: boolean };
  admit(id: string): KeptResult | undefined;
  /** It follows an identical job, or has the result of one. */
  isShared(id: string): boolean;
  /**
   * It has ended: so do those that follow it, or the first of them takes its place.
   * @returns those that have ended
   */
  settle(id: string): readonly JobRecord[];
  hold(): HeldRoom;
  /** As if it had never been added. */
  withdraw(id: string): void;
  /** What was written down by an earlier process: what ran then waits again. @returns those whose state is another now */
  restore(written: readonly WrittenRecord[]): JobRecord[];
  get(id: string): JobRecord | undefined;
  list(query: JobQuery): JobPage;
  counts(): JobCounts;
  /** Begins the next job of these tasks. @param withSuspects whether it may be one that has lost a process */
  take(tasks: Iterable<string>, withSuspects: boolean): JobRecord | undefined;
  progress(id: string, runs: number, progress: Progress): JobRecord | undefined;
  /** These three end a run; undefined where it is not the job's run any more. */
  complete(id: string, runs: number, resultBytes: number): JobRecord | undefined;
  fail(id: string, runs: number, problem: JobProblem, again: boolean): JobRecord | undefined;
  giveBack(id: string, runs: number): JobRecord | undefined;
  /** A process died that was at these. */
  lost(runs: readonly { readonly id: string; readonly runs: number }[]): JobRecord[];
  cancel(id: string): JobRecord | undefined;
  /** @throws AppError CONFLICT */
  retry(id: string): JobRecord | undefined;
  /** Those whose time has come: what was kept of them is to go. */
  expire(): { readonly expired: readonly JobRecord[]; readonly forgotten: readonly JobRecord[] };
  /** When `expire` has something to do next. */
  readonly nextExpiryMs: number | undefined;
}

/** What a job costs beside its input and result, in bytes: so that small ones are bounded, too. */
const recordBytes = 1_024;
/** A body up to this size always finds room: a job that was accepted is not to fail because others wait. */
const alwaysBytes = 65_536;
/** Expired jobs that are still known by their ids. */
const rememberedExpired = 10_000;

export function createJobTable(limits: TableLimits, clock: TableClock): JobTable {
  const history = createJobHistory<JobRecord>();
  const order = createJobOrder();
  /** By client, task and key. */
  const byKey = new Map<string, string>();
  /** Ended ones by when they expire, and expired ones: the first comes first. */
  const ended = new Map<string, JobRecord>();
  const expired = new Map<string, JobRecord>();
  /** Those that wait, the oldest first. */
  const waiting = new Map<string, JobRecord>();
  /** By the key of a share: the last job that has, or had, a run of its own. */
  const leaders = new Map<string, string>();
  /** Those that wait for a job to end as it does, in order of arrival. */
  const followers = new Map<string, Set<string>>();
  const following = new Map<string, string>();
  const byState: Record<JobState, number> = { waiting: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
  let bytes = 0;
  /** Of bodies that are on their way. */
  let held = 0;
  let nextSeq = 0;
  let reruns = 0;
  /** Between two ends, on average, in ms. */
  let paceMs = 1_000;
  let lastEndMs: number | undefined;

  const sizeOf = ({ inputBytes, resultBytes, job }: JobRecord): number =>
    job.isExpired ? 0 : recordBytes + inputBytes + resultBytes;

  /** Everything that is kept of a job changes here. */
  function put(next: JobRecord): JobRecord {
    const { id, state, isExpired } = next.job;
    const before = history.get(id);
    if (before !== undefined) {
      if (!before.job.isExpired) byState[before.job.state]--;
      bytes -= sizeOf(before);
    }
    history.put(next);
    if (!isExpired) byState[state]++;
    bytes += sizeOf(next);
    if (state !== 'waiting') waiting.delete(id);
    return next;
  }

  function forget(record: JobRecord): void {
    const { id, state, isExpired } = record.job;
    history.remove(record);
    if (!isExpired) byState[state]--;
    bytes -= sizeOf(record);
    waiting.delete(id);
    order.remove(id);
    stopFollowing(id);
    stopLeading(record);
    const key = keyOf(record.job, record.idempotency);
    if (key !== undefined && byKey.get(key) === id) byKey.delete(key);
  }

  /** For its turn, or for an identical job that waits or runs. */
  function wait(record: JobRecord): void {
    const { id, task } = record.job;
    waiting.set(id, record);
    const leader = leaderOf(record);
    if (leader !== undefined && !hasEnded(leader.job) && follow(id, leader.job.id)) return;
    if (record.share) leaders.set(record.share.key, id);
    order.add({ id, task, turn: record.turn, seq: record.seq });
  }

  function leaderOf({ job, share }: JobRecord): JobRecord | undefined {
    const id = share ? leaders.get(share.key) : undefined;
    return id === undefined || id === job.id ? undefined : history.get(id);
  }

  /** @returns whether there is room beside those that do */
  function follow(id: string, leader: string): boolean {
    const all = followers.get(leader) ?? new Set();
    if (all.size >= mostFollowers) return false;
    followers.set(leader, all.add(id));
    following.set(id, leader);
    return true;
  }

  function stopFollowing(id: string): void {
    const leader = following.get(id);
    if (leader === undefined) return;
    following.delete(id);
    const all = followers.get(leader);
    all?.delete(id);
    if (all?.size === 0) followers.delete(leader);
  }

  function stopLeading({ job, share }: JobRecord): void {
    if (share && leaders.get(share.key) === job.id) leaders.delete(share.key);
  }

  function giveKept(record: JobRecord): KeptResult | undefined {
    const leader = leaderOf(record);
    if (leader?.job.state !== 'completed' || leader.job.isExpired) return undefined;
    const ageMs = clock.epochMs() - (leader.job.endedAtMs ?? 0);
    if (ageMs < 0 || ageMs >= (record.share?.ttlMs ?? 0)) return undefined;
    const given = end(record, { state: 'completed' }, { inputBytes: 0, resultOf: leader.job.id });
    const { expiresMs, job } = given;
    const owner = put({ ...leader, job: { ...leader.job, expiresAtMs: job.expiresAtMs }, expiresMs });
    // They stand there in the order in which they expire.
    ended.delete(owner.job.id);
    ended.set(owner.job.id, owner);
    return { given, owner };
  }

  /** The record of a run that is still its job's. */
  function running(id: string, runs: number): JobRecord | undefined {
    const record = history.get(id);
    return record?.job.state === 'running' && record.runs === runs ? record : undefined;
  }

  function end(record: JobRecord, change: Partial<Job>, more: Partial<JobRecord> = {}): JobRecord {
    const nowMs = clock.nowMs();
    const epochMs = clock.epochMs();
    if (lastEndMs !== undefined) paceMs += (nowMs - lastEndMs - paceMs) / 16;
    lastEndMs = nowMs;
    const job = stateChanged(record.job, {
      ...change,
      endedAtMs: epochMs,
      expiresAtMs: epochMs + limits.keepMs,
    });
    order.remove(job.id);
    const next = put({ ...record, ...more, job, isSuspect: false, expiresMs: nowMs + limits.keepMs });
    ended.set(job.id, next);
    return next;
  }

  /** @param attempts that it has had then */
  function again(record: JobRecord, attempts: number, isSuspect: boolean): JobRecord {
    const job = stateChanged(record.job, { state: 'waiting', startedAtMs: null, progress: null, attempts });
    const next = put({ ...record, job, isSuspect: isSuspect || record.isSuspect });
    wait(next);
    return next;
  }

  function checkRoom(inputBytes: number): void {
    const isRoom = bytes + held + recordBytes + inputBytes <= limits.mostBytes;
    if (byState.waiting >= limits.mostWaiting || !isRoom) throw tooManyJobs(retryAfterSeconds());
  }

  /** Until a sixteenth of those that wait is gone. */
  function retryAfterSeconds(): number {
    const waitMs = Math.min(60_000, (paceMs * Math.max(1, byState.waiting)) / 16);
    return Math.max(1, Math.ceil(waitMs / 1_000));
  }

  return {
    add(given) {
      const { input, idempotency, share, ...asked } = given;
      const key = keyOf(given, idempotency);
      const known = key === undefined ? undefined : history.get(byKey.get(key) ?? '');
      if (known !== undefined) {
        if (known.idempotency?.fingerprint !== idempotency?.fingerprint) throw idempotencyMismatch();
        return { record: known, isNew: false };
      }
      const inputBytes = input.body.length;
      checkRoom(inputBytes);
      const job: Job = {
        ...asked,
        state: 'waiting',
        progress: null,
        attempts: 0,
        createdAtMs: clock.epochMs(),
        startedAtMs: null,
        endedAtMs: null,
        expiresAtMs: null,
        isExpired: false,
        error: null,
        seq: { state: 1, progress: 0 },
      };
      if (key !== undefined) byKey.set(key, job.id);
      const record = put({
        job,
        idempotency,
        share,
        seq: nextSeq++,
        turn: order.turnOf(job.client),
        inputBytes,
        resultBytes: 0,
        runs: 0,
        isSuspect: false,
        createdMs: clock.nowMs(),
        expiresMs: undefined,
      });
      return { record, isNew: true };
    },
    admit(id) {
      const record = history.get(id);
      if (record?.job.state !== 'waiting') return undefined;
      const kept = giveKept(record);
      if (kept === undefined) wait(record);
      return kept;
    },
    isShared: (id) => following.has(id) || history.get(id)?.resultOf !== undefined,
    settle(id) {
      const record = history.get(id);
      if (!record?.share) return [];
      const { job, share } = record;
      stopFollowing(id);
      const others = [...(followers.get(id) ?? [])].flatMap((other) => history.get(other) ?? []);
      for (const other of others) stopFollowing(other.job.id);
      if (job.state !== 'completed' || share.ttlMs === 0) stopLeading(record);
      if (job.state === 'cancelled') {
        // The first of them has nobody to follow any more.
        for (const other of others) wait(other);
        return [];
      }
      const { state, error } = job;
      return others.map((other) =>
        state === 'completed'
          ? end(other, { state }, { inputBytes: 0, resultOf: record.resultOf ?? id })
          : end(other, { state, error }),
      );
    },
    hold() {
      let taken = 0;
      return {
        take(moreBytes) {
          const isSmall = taken + moreBytes <= alwaysBytes;
          if (!isSmall && bytes + held + moreBytes > limits.mostBytes) throw noRoomLeft(retryAfterSeconds());
          taken += moreBytes;
          held += moreBytes;
        },
        leave() {
          held -= taken;
          taken = 0;
        },
      };
    },
    withdraw(id) {
      const record = history.get(id);
      if (record !== undefined) forget(record);
      // It may have been cancelled meanwhile.
      ended.delete(id);
    },
    restore(written) {
      const nowMs = clock.nowMs();
      const epochMs = clock.epochMs();
      const changed: JobRecord[] = [];
      for (const one of written.toSorted((a, b) => a.seq - b.seq)) {
        const { job } = one;
        nextSeq = Math.max(nextSeq, one.seq + 1);
        // The clock may have been set meanwhile: nothing is kept for longer than it is to be.
        const leftMs = Math.min(limits.keepMs, Math.max(0, (job.expiresAtMs ?? epochMs) - epochMs));
        const ageMs = Math.max(0, epochMs - job.createdAtMs);
        const record = put({
          ...one,
          turn: hasEnded(job) ? 0 : order.turnOf(job.client),
          createdMs: nowMs - ageMs,
          expiresMs: hasEnded(job) ? nowMs + leftMs : undefined,
        });
        const key = keyOf(job, one.idempotency);
        if (key !== undefined && !job.isExpired) byKey.set(key, job.id);
        if (one.share && job.state === 'completed' && one.resultOf === undefined)
          leaders.set(one.share.key, job.id);
        if (job.state === 'waiting') wait(record);
        // Whoever ran it is gone, with all that ran: that was no fault of this one's.
        if (job.state === 'running') {
          reruns++;
          changed.push(again(record, job.attempts - 1, false));
        }
        if (hasEnded(job)) (job.isExpired ? expired : ended).set(job.id, record);
      }
      for (const kept of [ended, expired]) {
        const sorted = [...kept].sort(([, a], [, b]) => (a.expiresMs ?? 0) - (b.expiresMs ?? 0));
        kept.clear();
        for (const [id, record] of sorted) kept.set(id, record);
      }
      return changed;
    },
    get: (id) => history.get(id),
    list: (query) => history.list(query),
    counts() {
      const [oldest] = waiting.values();
      const states = Object.fromEntries(jobStates.map((state) => [state, byState[state]]));
      return {
        states: { ...byState, ...states },
        oldestMs: oldest === undefined ? 0 : Math.max(0, clock.nowMs() - oldest.createdMs),
        reruns,
      };
    },
    take(tasks, withSuspects) {
      const placed = order.take(tasks, (id) => withSuspects || history.get(id)?.isSuspect !== true);
      const record = history.get(placed?.id ?? '');
      if (record === undefined) return undefined;
      const { job } = record;
      const begun = stateChanged(job, {
        state: 'running',
        startedAtMs: clock.epochMs(),
        attempts: job.attempts + 1,
      });
      return put({ ...record, job: begun, runs: record.runs + 1 });
    },
    progress(id, runs, progress) {
      const record = running(id, runs);
      if (record === undefined) return undefined;
      const { seq } = record.job;
      const told = { ...record.job, progress, seq: { ...seq, progress: latest(seq) + 1 } };
      return put({ ...record, job: told });
    },
    complete(id, runs, resultBytes) {
      const record = running(id, runs);
      return record && end(record, { state: 'completed' }, { inputBytes: 0, resultBytes });
    },
    fail(id, runs, error, mayRunAgain) {
      const record = running(id, runs);
      if (record === undefined) return undefined;
      if (!mayRunAgain || record.job.attempts >= limits.attempts)
        return end(record, { state: 'failed', error });
      reruns++;
      return again(record, record.job.attempts, false);
    },
    giveBack(id, runs) {
      const record = running(id, runs);
      return record && again(record, record.job.attempts - 1, false);
    },
    lost(gone) {
      const records = gone.map(({ id, runs }) => running(id, runs)).filter((one) => one !== undefined);
      // Where one was there that has lost a process before, the others are taken for innocent.
      const suspects = records.filter(({ isSuspect }) => isSuspect);
      const charged = suspects.length > 0 ? suspects : records;
      return records.map((record) => {
        const { attempts } = record.job;
        const isCharged = charged.includes(record);
        if (isCharged && attempts >= limits.attempts)
          return end(record, { state: 'failed', error: lostTooOften });
        reruns++;
        return again(record, isCharged ? attempts : attempts - 1, isCharged);
      });
    },
    cancel(id) {
      const record = history.get(id);
      if (record === undefined || hasEnded(record.job)) return record;
      return end(record, { state: 'cancelled' }, { inputBytes: 0 });
    },
    retry(id) {
      const record = history.get(id);
      if (record === undefined) return undefined;
      if (record.job.state !== 'failed' || record.job.isExpired) throw notFailed();
      ended.delete(id);
      const job = stateChanged(record.job, {
        state: 'waiting',
        progress: null,
        attempts: 0,
        startedAtMs: null,
        endedAtMs: null,
        expiresAtMs: null,
        error: null,
      });
      const next = put({
        ...record,
        job,
        turn: order.turnOf(job.client),
        createdMs: clock.nowMs(),
        expiresMs: undefined,
      });
      wait(next);
      return next;
    },
    expire() {
      const nowMs = clock.nowMs();
      const gone: JobRecord[] = [];
      for (const [id, record] of ended) {
        if ((record.expiresMs ?? 0) > nowMs) break;
        ended.delete(id);
        const next = put({
          ...record,
          job: { ...record.job, isExpired: true },
          inputBytes: 0,
          resultBytes: 0,
        });
        const key = keyOf(record.job, record.idempotency);
        if (key !== undefined && byKey.get(key) === id) byKey.delete(key);
        expired.set(id, next);
        gone.push(next);
      }
      const forgotten: JobRecord[] = [];
      for (const [id, record] of expired) {
        const isRemembered = (record.expiresMs ?? 0) + limits.keepMs > nowMs;
        if (isRemembered && expired.size <= rememberedExpired) break;
        expired.delete(id);
        forget(record);
        forgotten.push(record);
      }
      return { expired: gone, forgotten };
    },
    get nextExpiryMs() {
      const [first] = ended.values();
      const [oldest] = expired.values();
      const forgetMs = oldest && (oldest.expiresMs ?? 0) + limits.keepMs;
      const due = [first?.expiresMs, forgetMs].filter((dueMs) => dueMs !== undefined);
      return due.length === 0 ? undefined : Math.min(...due);
    },
  };
}

const latest = ({ state, progress }: Job['seq']): number => Math.max(state, progress);

function stateChanged(job: Job, change: Partial<Job>): Job {
  return { ...job, ...change, seq: { ...job.seq, state: latest(job.seq) + 1 } };
}

function keyOf(
  { client, task }: Pick<Job, 'client' | 'task'>,
  idempotency: NewJob['idempotency'],
): string | undefined {
  return idempotency === null ? undefined : JSON.stringify([client, task, idempotency.key]);
}
