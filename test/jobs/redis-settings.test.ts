import { expect, it } from 'vitest';
import { ConfigError, readConfig } from '#src/config.js';
import { launch } from '../support/cluster.js';
import { copyOfBuild } from '../support/copy-of-build.js';

it('a password in a REDIS_URL that does not fit is not shown', () => {
  const read = () => readConfig({ REDIS_URL: 'redis://ann:hunter2@cache/x' });
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(/^REDIS_URL must be redis:/);
  expect(read).not.toThrow(/hunter2/);
});

it('jobs are kept on disk or on Redis, not both', () => {
  expect(() => readConfig({ REDIS_URL: 'redis://cache', JOBS_DIR: '/jobs' })).toThrow(
    'JOBS_DIR and REDIS_URL must not both be set',
  );
});

it('REDIS_URL without its packages ends the start with exit code 78, and the line that installs them', async () => {
  using build = copyOfBuild();
  build.edit('src/jobs/redis/packages.js', (text) => text.replace(/(['"])bullmq\1, /, "'not-installed', "));
  await using server = launch({ entry: build.entry, env: { REDIS_URL: 'redis://127.0.0.1:1' } });
  expect(await server.exited).toBe(78);
  expect(server.stderr()).toContain('REDIS_URL needs not-installed, which is not installed: npm install ');
});

it('without REDIS_URL nothing of its packages is loaded', async () => {
  using build = copyOfBuild();
  build.edit('src/jobs/redis/packages.js', () => "throw new Error('loaded');\n");
  await using server = launch({ entry: build.entry, env: { WORKERS: '1' } });
  await server.waitForLine(({ msg }) => msg === 'listening');
});
