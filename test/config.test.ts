import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '#src/config.js';

describe('settings', () => {
  it('have the documented defaults', () => {
    expect(readConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      adminPort: 3001,
      workers: 'auto',
      poolMaxThreads: 'auto',
      poolMaxQueue: 1024,
      logLevel: 'info',
      tasksDir: undefined,
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
      'HEADERS_TIMEOUT_MS must be at most REQUEST_TIMEOUT_MS (30000), not 31000',
    ],
    [
      { POOL_MIN_THREADS: '5', POOL_MAX_THREADS: '4' },
      'POOL_MIN_THREADS must be at most POOL_MAX_THREADS (4), not 5',
    ],
    [{ ADMIN_PORT: '3000' }, 'ADMIN_PORT must differ from PORT (3000) on the same host'],
    [{ ADMIN_PORT: '3000', HOST: '0.0.0.0' }, 'ADMIN_PORT must differ from PORT (3000) on the same host'],
  ])('refuse %j in one line', (env, message) => {
    expect(() => readConfig(env)).toThrow(ConfigError);
    expect(() => readConfig(env)).toThrow(message);
  });
});
