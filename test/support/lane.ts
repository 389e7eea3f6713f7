// A real lane over the fixture tasks, and the latches by which tests hold its threads.
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Call, CallOptions, CallRecord, Lane } from '#src/lane/call.js';
import { createLane } from '#src/lane/lane.js';
import type { LaneConfig } from '#src/lane/lane-deps.js';
import { createLogger } from '#src/log.js';
import { loadTasks, type Task } from '#src/tasks/registry.js';

export const fixtureTasks = fileURLToPath(new URL('../fixtures/tasks', import.meta.url));

const defaults: LaneConfig = {
  poolMinThreads: 1,
  poolMaxThreads: 2,
  cores: 64,
  poolIdleTimeoutMs: 30_000,
  poolNice: 0,
  poolMaxHeapMb: 64,
  poolMaxQueue: 1_024,
  queueMaxWaitMs: 600_000,
  inlineMaxUs: 0,
  taskTimeoutMs: 60_000,
  cancelGraceMs: 50,
};

export interface LaneSetup {
  /** Default: the fixtures. */
  readonly folders?: readonly string[];
  /** Default: an error, which fails the test. */
  readonly onFatal?: (error: unknown) => void;
  readonly onStalled?: () => void;
}

export interface TestLane {
  readonly lane: Lane;
  readonly records: CallRecord[];
  task(name: string): Task;
  call(task: string, value: unknown, options?: Partial<CallOptions>): Call;
}

/** Closed when the test is over. */
export async function startLane(
  config: Partial<LaneConfig> = {},
  log = createLogger('silent', {}),
  { folders = [fixtureTasks], onFatal = fail, onStalled = () => undefined }: LaneSetup = {},
): Promise<TestLane> {
  const tasks = await loadTasks(folders);
  const records: CallRecord[] = [];
  const lane = createLane({
    config: { ...defaults, ...config },
    tasks,
    log,
    onCall: (record) => records.push(record),
    onFatal,
    onStalled,
  });
  onTestFinished(async () => {
    await lane.close();
  });
  await lane.warm();
  return {
    lane,
    records,
    task: (name) => taskOf(tasks, name),
    call: (name, value, options) =>
      lane.call(taskOf(tasks, name), { type: 'value', value }, { client: 'test', ...options }),
  };
}

function fail(error: unknown): never {
  throw error;
}

function taskOf(tasks: readonly Task[], name: string): Task {
  const task = tasks.find((one) => one.name === name);
  if (task === undefined) throw new Error(`no task ${name}`);
  return task;
}

export interface Latch {
  readonly memory: SharedArrayBuffer;
  /** How often a fixture has counted in this cell. */
  count(cell?: number): number;
  /** Resolves once that many fixtures have begun. */
  begun(count: number): Promise<void>;
  /** Lets those who wait at this gate go on, and all who come later. */
  open(gate: number): void;
}

export function createLatch(): Latch {
  const memory = new SharedArrayBuffer(64 * 4);
  const ints = new Int32Array(memory);
  const latch: Latch = {
    memory,
    count: (cell = 0) => Atomics.load(ints, cell),
    async begun(count) {
      for (let seen = latch.count(); seen < count; seen = latch.count()) {
        const change = Atomics.waitAsync(ints, 0, seen, 20);
        if (change.async) await change.value;
      }
    },
    open(gate) {
      Atomics.store(ints, gate, 1);
      Atomics.notify(ints, gate);
    },
  };
  onTestFinished(() => {
    for (let gate = 1; gate < ints.length; gate++) latch.open(gate);
  });
  return latch;
}

/** How a call ended: its result's JSON, or the code (or name) of its error. */
export async function outcome(call: Pick<Call, 'result'>): Promise<unknown> {
  try {
    const { body } = await call.result;
    return typeof body === 'string' ? JSON.parse(body) : body;
  } catch (error) {
    if (error instanceof Error) return 'code' in error ? error.code : error.name;
    throw error;
  }
}
