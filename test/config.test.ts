import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig, settings } from '#src/config.js';

describe('settings', () => {
  it('have the documented defaults', () => {
    const config: Readonly<Record<string, unknown>> = readConfig({});
    const byVariable = Object.entries(settings).map(([key, { variable }]) => [variable, config[key]]);
    expect(Object.fromEntries(byVariable)).toStrictEqual({
      HOST: '127.0.0.1',
      PORT: 3_000,
      SOCKET_MODE: '660',
      ADMIN_HOST: '127.0.0.1',
      ADMIN_PORT: 3_001,
      AGENT_PORT: undefined,
      ADMIN_ALLOWED_HOSTS: [],
      WORKERS: 'auto',
      POOL_MIN_THREADS: 1,
      POOL_MAX_THREADS: 'auto',
      POOL_IDLE_TIMEOUT_MS: 30_000,
      POOL_NICE: 19,
      POOL_MAX_HEAP_MB: 512,
      POOL_MAX_QUEUE: 1_024,
      QUEUE_MAX_WAIT_MS: 5_000,
      INLINE_MAX_US: 50,
      TASK_TIMEOUT_MS: 30_000,
      CANCEL_GRACE_MS: 250,
      BODY_LIMIT_BYTES: 1_048_576,
      UPLOAD_LIMIT_BYTES: 16_777_216,
      HEADERS_TIMEOUT_MS: 10_000,
      REQUEST_TIMEOUT_MS: 30_000,
      KEEP_ALIVE_TIMEOUT_MS: 65_000,
      ANSWER_TIMEOUT_MS: 'auto',
      SEND_TIMEOUT_MS: 30_000,
      MAX_CONNECTIONS: 0,
      MAX_REQUESTS_PER_SOCKET: 0,
      TRUST_PROXY: undefined,
      CORS_ORIGINS: undefined,
      API_KEYS_FILE: undefined,
      DOCS: 'on',
      CPU_QUOTA_MS_PER_MINUTE: 0,
      JOBS: 'on',
      JOBS_DIR: undefined,
      REDIS_URL: undefined,
      REDIS_PREFIX: 'millrace',
      JOBS_MAX: 10_000,
      JOBS_MAX_BYTES: 536_870_912,
      JOB_TTL_S: 3_600,
      JOB_ATTEMPTS: 3,
      SHUTDOWN_DELAY_MS: 0,
      SHUTDOWN_TIMEOUT_MS: 30_000,
      BOOT_TIMEOUT_MS: 30_000,
      HEARTBEAT_TIMEOUT_MS: 10_000,
      LOG_LEVEL: 'info',
      ACCESS_LOG: 'errors',
      APP: undefined,
      BUILT_INS: undefined,
      ROUTE_PREFIX: undefined,
      API_TITLE: undefined,
      API_VERSION: undefined,
      API_DESCRIPTION: undefined,
      TASKS_DIR: undefined,
    });
  });

  it('let a flag beat a variable, and an empty variable be unset', () => {
    expect(readConfig({ PORT: '4000' }, { port: '5000' }).port).toBe(5000);
    expect(readConfig({ PORT: '' }).port).toBe(3000);
    expect(readConfig({ PORT: '4000' }, { port: '' }).port).toBe(4000);
  });

  it('take WEB_CONCURRENCY where WORKERS is unset', () => {
    expect(readConfig({ WEB_CONCURRENCY: '3' }).workers).toBe(3);
    expect(readConfig({ WEB_CONCURRENCY: '3', WORKERS: '2' }).workers).toBe(2);
  });

  it.each([
    [{ PORT: '65536' }, 'PORT must be a whole number from 0 to 65535, not "65536"'],
    [{ PORT: '1e3' }, 'PORT must be a whole number from 0 to 65535, not "1e3"'],
    [{ ADMIN_PORT: 'on' }, 'ADMIN_PORT must be a whole number from 0 to 65535, or off, not "on"'],
    [{ WEB_CONCURRENCY: '0' }, 'WEB_CONCURRENCY must be a whole number from 1 to 1024, or auto, not "0"'],
    [{ LOG_LEVEL: 'loud\n' }, /^LOG_LEVEL must be one of trace, .*, silent, not "loud\\n"$/],
    [
      { HEADERS_TIMEOUT_MS: '31000' },
      'HEADERS_TIMEOUT_MS must be at most REQUEST_TIMEOUT_MS (30000, the default), not 31000',
    ],
    [
      { REQUEST_TIMEOUT_MS: '5000' },
      'HEADERS_TIMEOUT_MS must be at most REQUEST_TIMEOUT_MS (5000), not 10000, the default',
    ],
    [
      { POOL_MIN_THREADS: '5', POOL_MAX_THREADS: '4' },
      'POOL_MIN_THREADS must be at most POOL_MAX_THREADS (4), not 5',
    ],
    [{ ADMIN_PORT: '3000' }, 'ADMIN_PORT (3000) must differ from PORT (3000, the default) on the same host'],
    [
      { AGENT_PORT: '3000' },
      'AGENT_PORT must differ from PORT (3000, the default) on the same host, not 3000',
    ],
    [
      { AGENT_PORT: '3001' },
      'AGENT_PORT must differ from ADMIN_PORT (3001, the default) on the same host, not 3001',
    ],
    [
      { PORT: '3001', HOST: '0.0.0.0' },
      'ADMIN_PORT (3001, the default) must differ from PORT (3001) on the same host',
    ],
  ])('refuse %j in one line', (env, message) => {
    expect(() => readConfig(env)).toThrow(ConfigError);
    expect(() => readConfig(env)).toThrow(message);
  });

  it('that are refused as flags are named by both names', () => {
    expect(() => readConfig({ PORT: '1' }, { port: 'x' })).toThrow(
      'PORT (--port) must be a whole number from 0 to 65535, not "x"',
    );
  });
});

const ranges: [variable: string, min: number, max: number][] = [
  ['PORT', 0, 65_535],
  ['ADMIN_PORT', 0, 65_535],
  ['WORKERS', 1, 1_024],
  ['POOL_MIN_THREADS', 1, 1_024],
  ['POOL_MAX_THREADS', 1, 1_024],
  ['POOL_IDLE_TIMEOUT_MS', 0, 2_147_483_647],
  ['POOL_NICE', 0, 19],
  ['POOL_MAX_HEAP_MB', 16, 1_048_576],
  ['POOL_MAX_QUEUE', 0, 1_000_000],
  ['QUEUE_MAX_WAIT_MS', 1, 2_147_483_647],
  ['INLINE_MAX_US', 0, 1_000_000],
  ['TASK_TIMEOUT_MS', 1, 2_147_483_647],
  ['CANCEL_GRACE_MS', 0, 2_147_483_647],
  ['BODY_LIMIT_BYTES', 1, 1_073_741_824],
  ['UPLOAD_LIMIT_BYTES', 1, 1_073_741_824],
  ['HEADERS_TIMEOUT_MS', 1, 2_147_483_647],
  ['REQUEST_TIMEOUT_MS', 1, 2_147_483_647],
  ['KEEP_ALIVE_TIMEOUT_MS', 1, 2_147_483_647],
  ['SEND_TIMEOUT_MS', 1, 2_147_483_647],
  ['MAX_CONNECTIONS', 0, 10_000_000],
  ['MAX_REQUESTS_PER_SOCKET', 0, 1_000_000_000],
  ['TRUST_PROXY', 0, 100],
  ['CPU_QUOTA_MS_PER_MINUTE', 0, 1_000_000_000],
  ['JOBS_MAX', 0, 10_000_000],
  ['JOBS_MAX_BYTES', 0, 1_000_000_000_000],
  ['JOB_TTL_S', 1, 31_536_000],
  ['JOB_ATTEMPTS', 1, 100],
  ['SHUTDOWN_DELAY_MS', 0, 2_147_483_647],
  ['SHUTDOWN_TIMEOUT_MS', 1, 2_147_483_647],
  ['BOOT_TIMEOUT_MS', 1, 2_147_483_647],
  ['HEARTBEAT_TIMEOUT_MS', 100, 2_147_483_647],
];

describe('a whole number', () => {
  it.each(ranges)('%s is from %i to %i', (variable, min, max) => {
    // What must fit together with it is as wide as can be.
    const others: Record<string, string> = {
      REQUEST_TIMEOUT_MS: '2147483647',
      HEADERS_TIMEOUT_MS: '1',
      POOL_MAX_THREADS: '1024',
    };
    const read = (value: number) => () => readConfig({ ...others, [variable]: String(value) });
    for (const value of [min, max]) expect(read(value)).not.toThrow();
    for (const value of [min - 1, max + 1]) {
      expect(read(value)).toThrow(ConfigError);
      expect(read(value)).toThrow(new RegExp(`^${variable} must be .*, not "${value}"$`));
    }
  });

  it('is what every setting with a number for its default must be', () => {
    // A file's mode is written in digits, but is no number.
    const numbers = Object.values<{ variable: string; default: string | undefined }>(settings).filter(
      (one) => /^\d+$/.test(one.default ?? '') && one.variable !== 'SOCKET_MODE',
    );
    const ranged = ranges.map(([variable]) => variable);
    expect(ranged).toEqual(expect.arrayContaining(numbers.map(({ variable }) => variable)));
  });
});
