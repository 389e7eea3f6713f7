// The server with other timings of its supervision than its own: those in TIMINGS, as JSON.
import cluster from 'node:cluster';

if (cluster.isPrimary) {
  const { readConfig } = await import('../../dist/src/config.js');
  const { createLogger } = await import('../../dist/src/log.js');
  const { runPrimary } = await import('../../dist/src/primary/run.js');
  const { defaultTimings } = await import('../../dist/src/primary/timings.js');
  const config = readConfig(process.env, {});
  const log = createLogger(config.logLevel, { process: 'primary' });
  const timings = { ...defaultTimings, ...JSON.parse(process.env.TIMINGS) };
  process.exit((await runPrimary({ config, log, timings })).code);
} else {
  await import('../../dist/src/main.js');
}
