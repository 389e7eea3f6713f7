// An app with everything it needs, for tests that drive it without a server process.
import { readConfig, type ServerConfig } from '#src/config.js';
import type { Call, CallInput, CallOptions, Lane } from '#src/lane/call.js';
import { parseJson, validateInput } from '#src/lane/input.js';
import type { Task } from '#src/lane/task-registry.js';
import { createLogger } from '#src/log.js';
import { type AppDeps, createApp } from '#src/server/app.js';
import type { TaskDefinition } from '#src/task.js';

export function testConfig(env: Record<string, string> = {}): ServerConfig {
  return { ...readConfig(env), workers: 1, poolMaxThreads: 2 };
}

export function testApp(deps: Partial<AppDeps> = {}) {
  return createApp({
    config: testConfig(),
    tasks: [],
    lane: new InProcessLane(),
    readiness: () => 'ok',
    closing: () => undefined,
    log: createLogger('silent', {}),
    ...deps,
  });
}

export function testTask(name: string, definition: TaskDefinition): Task {
  return { name, route: `/${name.replaceAll('.', '/')}`, module: 'file:///unused.js', definition };
}

/** Runs calls where it stands, and remembers them. */
export class InProcessLane implements Lane {
  readonly calls: { input: CallInput; options: CallOptions }[] = [];
  readonly cancelled: CallOptions[] = [];
  /** Thrown by checkRoom, as a full queue does. */
  full: Error | undefined;

  checkRoom(): void {
    if (this.full) throw this.full;
  }

  call({ definition }: Task, input: CallInput, options: CallOptions): Call {
    this.calls.push({ input, options });
    const run = async () => {
      const value = input.type === 'json' ? validateInput(definition, parseJson(input.bytes)) : input.value;
      const { signal } = new AbortController();
      const quiet = () => undefined;
      const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
      const output: unknown = await definition.run(value, { signal, log });
      const body = output instanceof Uint8Array ? output : JSON.stringify(output);
      const contentType = typeof body === 'string' ? 'application/json; charset=utf-8' : 'image/png';
      return { lane: 'thread' as const, contentType, body, queueMs: 1.2345, runMs: 3 };
    };
    return { result: run(), cancel: () => this.cancelled.push(options) };
  }

  status() {
    return { threads: { busy: 0, idle: 1, max: 1 }, queue: { waiting: 0, limit: 1 }, tasks: {} };
  }

  async idle(): Promise<void> {}

  async close() {
    return { cut: 0 };
  }
}
