// The shared memory between the lane and its threads: for each message in flight a row that says which call has
// begun, which are done, which are to stop, whether something was told by the port, and whether all is answered; and the
// replies to those that are done, so that a thread that dies in the middle of a message takes no finished result with it.
// Before the rows: what wakes the lane.
import type { StopFlag } from '../tasks/call-context.js';

/** Most calls in one message. */
export const maxBatch = 64;

const replyBytes = 32_768;
const headerInts = 6;
const rowInts = headerInts + maxBatch;
const threadIdAt = 0;
const begunAt = 1;
const doneAt = 2;
const endingAt = 3;
const answeredAt = 4;
const toldAt = 5;

export interface Control {
  /** Given to every thread as it is. */
  readonly memory: SharedArrayBuffer;
  /** The descriptor to write to when a message is answered (lane/pool/wake.ts); below 0: there is none. */
  wakeFd: number;
  row(index: number): ControlRow;
}

export interface ControlRow {
  reset(): void;
  /** 0 until a thread has picked the message up. */
  threadId: number;
  /** How many calls of the message have begun (the last of them may be done). */
  begun: number;
  /** When the last of them began, on the clock of monotonicMs(); to be set before `begun`. */
  beganMs: number;
  /** When the event loop of its thread was last seen to turn, on the same clock; 0: not since the message came. */
  turnedMs: number;
  /** How many are done, their replies in `replies`. */
  done: number;
  /** The thread is being ended: it begins no further call. */
  isEnding: boolean;
  /** A call of the message has said how far it is, by the port. To be set before `answered`. */
  hasTold: boolean;
  /** The message is answered, by `replies` alone. */
  answered: boolean;
  flag(call: number): StopFlag;
  stop(call: number, flag: StopFlag): void;
  /** What reply-buffer.ts writes and reads. */
  readonly replies: Buffer;
}

/** @param memory the memory of another thread's control, or none to make it for `rows` rows */
export function createControl(rows: number, memory = emptyMemory(rows)): Control {
  const made = Array.from({ length: rows }, (_, index) => createRow(memory, index));
  const wakeFd = new Int32Array(memory, 0, 1);
  return {
    memory,
    get wakeFd() {
      return Atomics.load(wakeFd, 0);
    },
    set wakeFd(fd) {
      Atomics.store(wakeFd, 0, fd);
    },
    row(index) {
      const row = made[index];
      if (row === undefined) throw new RangeError(`no row ${index} of ${rows}`);
      return row;
    },
  };
}

/** The ints first, an even number of them: the time behind them must be aligned. */
const intsBytes = rowInts * Int32Array.BYTES_PER_ELEMENT;
const timesBytes = 2 * Float64Array.BYTES_PER_ELEMENT;
const rowBytes = intsBytes + timesBytes + replyBytes;
/** The times of the rows behind it must be aligned. */
const wakeBytes = 8;

function emptyMemory(rows: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(wakeBytes + rows * rowBytes);
  new Int32Array(memory, 0, 1)[0] = -1;
  return memory;
}

function createRow(memory: SharedArrayBuffer, index: number): ControlRow {
  const at = wakeBytes + index * rowBytes;
  const ints = new Int32Array(memory, at, rowInts);
  const times = new Float64Array(memory, at + intsBytes, 2);
  const replies = Buffer.from(memory, at + intsBytes + times.byteLength, replyBytes);
  return {
    replies,
    reset() {
      ints.fill(0);
      times.fill(0);
    },
    get threadId() {
      return Atomics.load(ints, threadIdAt);
    },
    set threadId(id) {
      Atomics.store(ints, threadIdAt, id);
    },
    get begun() {
      return Atomics.load(ints, begunAt);
    },
    set begun(count) {
      Atomics.store(ints, begunAt, count);
    },
    get beganMs() {
      return times[0] ?? 0;
    },
    set beganMs(ms) {
      times[0] = ms;
    },
    get turnedMs() {
      return times[1] ?? 0;
    },
    set turnedMs(ms) {
      times[1] = ms;
    },
    get done() {
      return Atomics.load(ints, doneAt);
    },
    set done(count) {
      Atomics.store(ints, doneAt, count);
    },
    get isEnding() {
      return Atomics.load(ints, endingAt) !== 0;
    },
    set isEnding(ending) {
      Atomics.store(ints, endingAt, ending ? 1 : 0);
    },
    get hasTold() {
      return Atomics.load(ints, toldAt) !== 0;
    },
    set hasTold(told) {
      Atomics.store(ints, toldAt, told ? 1 : 0);
    },
    get answered() {
      return Atomics.load(ints, answeredAt) !== 0;
    },
    set answered(answered) {
      Atomics.store(ints, answeredAt, answered ? 1 : 0);
    },
    flag: (call) => Atomics.load(ints, headerInts + call) as StopFlag,
    stop: (call, flag) => void Atomics.store(ints, headerInts + call, flag),
  };
}
