// What a request costs a server that has all it can do: CPU time per answer under a closed loop, after a warm-up.
import { load } from './load/load.js';
import { mainThreadMs } from './process-tree.js';

/**
 * @param {import('./servers.js').Server} server
 * @param {{ request: import('./load/kinds.js').Call['request'], expected?: import('./load/kinds.js').Call['expected'] }} call
 * @param {{ connections: number, warmMs: number, durationMs: number }} settings
 * @returns per answer, in µs: the CPU time of all its processes, and that of their event loops but for the first's
 */
export async function costPerRequest(server, { request, expected }, { connections, warmMs, durationMs }) {
  const job = { url: server.url, request, ...(expected !== undefined && { expected }), connections };
  await load('saturating', { ...job, durationMs: warmMs });
  const [, ...loops] = server.processes();
  const loopMs = () => loops.reduce((sum, pid) => sum + mainThreadMs(pid), 0);
  const before = { cpuMs: server.cpuTimeMs(), loopMs: loopMs() };
  const { answered, failed, perSecond } = await load('saturating', { ...job, durationMs });
  if (failed > 0) throw new Error(`${failed} requests of ${request.path} failed`);
  return {
    cpuUs: ((server.cpuTimeMs() - before.cpuMs) * 1_000) / answered,
    loopUs: ((loopMs() - before.loopMs) * 1_000) / answered,
    perSecond,
  };
}
