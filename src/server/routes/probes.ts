// What an orchestrator asks: is the process alive, may the cluster get traffic. A full queue is no reason to say no:
// light routes still answer, and taking the host out would move the load to the next one.
import { expectation } from '../../http/expectation.js';
import { jsonType } from '../../media-types.js';
import type { ClusterReadiness } from '../../messages.js';
import { answer } from '../answer/answer.js';
import type { FixedPaths } from '../answer/resource.js';

const notStored = ['Cache-Control', 'no-store'];
const bodies = { ok: '{"status":"ok"}', unavailable: '{"status":"unavailable"}' };

export function addProbes(paths: FixedPaths, readiness: () => ClusterReadiness): void {
  addProbe(paths, '/livez', () => 'ok');
  addProbe(paths, '/readyz', readiness);
}

function addProbe(paths: FixedPaths, path: string, probe: () => ClusterReadiness): void {
  paths.add(path, {
    get: {
      checks: [expectation],
      answer(_req, res) {
        // Some who probe put a query behind (`?verbose`): it is nobody's business here.
        const status = probe();
        answer(res, status === 'ok' ? 200 : 503, jsonType, bodies[status], notStored);
      },
    },
  });
}
