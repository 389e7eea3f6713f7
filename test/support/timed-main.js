// The server with other timings of its supervision than its own: those in TIMINGS, as JSON.
import cluster from 'node:cluster';

if (cluster.isPrimary) {
  // As main.ts: where the test run is killed, this would tell of it without end.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const { complain } = await import('../../dist/src/cli/failure.js');
  const { readConfig } = await import('../../dist/src/config.js');
  const { createLogger } = await import('../../dist/src/log.js');
  const { runPrimary } = await import('../../dist/src/primary/run.js');
  const { defaultTimings } = await import('../../dist/src/primary/timings.js');
  const config = readConfig(process.env);
  const log = createLogger(config.logLevel, { process: 'primary' });
  const timings = { ...defaultTimings, ...JSON.parse(process.env.TIMINGS ?? '{}') };
  const { code, line } = await runPrimary({ config, log, timings });
  if (line !== undefined) complain(line);
  process.exit(code);
} else {
  await import('../../dist/src/main.js');
}
