import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    // Tests run against the build, loaded by Node itself: threads and server processes can load nothing else.
    server: { deps: { external: [/\/dist\//] } },
    pool: 'forks',
    maxWorkers: 2,
    // Some tests hold a bound in time, on machines that may be busy with something else: once more, then it counts.
    retry: 1,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
