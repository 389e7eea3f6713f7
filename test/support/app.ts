// An app with everything it needs, for tests that drive it without a server process.
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { readConfig, type ServerConfig } from '#src/config.js';
import { AppError } from '#src/errors.js';
import type { CallRecord, Lane } from '#src/lane/call.js';
import { createLane } from '#src/lane/lane.js';
import { createLogger, type Logger } from '#src/log.js';
import { type AppDeps, createApp } from '#src/server/app.js';
import { createRefusalRate } from '#src/server/refusal-rate.js';
import { loadTasks, type Task } from '#src/tasks/registry.js';

export function testConfig(env: Record<string, string> = {}): ServerConfig {
  return { ...readConfig({ POOL_NICE: '0', ...env }), workers: 1, poolMaxThreads: 2, cores: 2 };
}

/** An app without tasks. */
export function ioApp(deps: Partial<AppDeps> = {}) {
  return createApp(ioDeps(deps));
}

export function ioDeps(deps: Partial<AppDeps> = {}): AppDeps {
  const config = testConfig();
  const log = createLogger('silent', {});
  // Threads start when they are needed, which is never.
  const lane = createLane({ config, tasks: [], log, onFatal: fail });
  return {
    config,
    tasks: [],
    lane,
    readiness: () => 'ok',
    closing: () => undefined,
    log,
    refusalRate: createRefusalRate(),
    ...deps,
  };
}

export interface TaskApp {
  readonly lane: Lane;
  readonly tasks: readonly Task[];
  readonly records: readonly CallRecord[];
  app(deps?: Partial<AppDeps>): ReturnType<typeof createApp>;
  /** One whose queue is full: every call is refused at arrival, with a Retry-After of 7 s. */
  fullApp(deps?: Partial<AppDeps>): ReturnType<typeof createApp>;
}

/** A lane over the fixtures of test/fixtures/routes, and apps in front of it. To be closed with the lane. */
export async function taskApps(env: Record<string, string> = {}): Promise<TaskApp> {
  const config = testConfig(env);
  const log = createLogger('silent', {});
  const tasks = await loadTasks([fileURLToPath(new URL('../fixtures/routes', import.meta.url))]);
  const records: CallRecord[] = [];
  const lane = createLane({ config, tasks, log, onCall: (record) => records.push(record), onFatal: fail });
  const full: Lane = {
    ...lane,
    checkRoom: () => {
      throw new AppError('OVERLOADED', 'The queue is full.', { retryAfterSeconds: 7 });
    },
  };
  return {
    lane,
    tasks,
    records,
    app: (deps) => ioApp({ config, tasks, lane, ...deps }),
    fullApp: (deps) => ioApp({ config, tasks, lane: full, ...deps }),
  };
}

function fail(error: unknown): never {
  throw error;
}

/** A logger whose lines can be read. */
export function listeningLog(level = 'info'): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  return { log: pino({ level, base: {} }, sink), lines };
}
