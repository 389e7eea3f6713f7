// The cluster around a peer, as tutorials show it: PROCESSES server processes share one port (PORT, or a free one).
import cluster from 'node:cluster';

/** @param {(port: number) => unknown} listen makes the server of one process, listening there */
export function serveCluster(listen) {
  if (!cluster.isPrimary) {
    listen(Number(process.env.PORT ?? 0));
    return;
  }
  const processes = Number(process.env.PROCESSES ?? 1);
  let listening = 0;
  for (let i = 0; i < processes; i++) cluster.fork();
  cluster.on('listening', (_worker, { port }) => {
    if (++listening === processes) console.log(JSON.stringify({ url: `http://127.0.0.1:${port}/` }));
  });
  process.on('SIGTERM', () => process.exit());
  process.on('SIGHUP', reload);
}

/** The textbook's graceful reload: one after the other, a new process first. */
async function reload() {
  for (const old of Object.values(cluster.workers ?? {})) {
    await new Promise((resolve) => cluster.fork().once('listening', resolve));
    await new Promise((resolve) => {
      old?.once('exit', resolve);
      old?.disconnect();
    });
  }
  console.log(JSON.stringify({ reloaded: true }));
}
