// What an orchestrator asks: is the process alive, may the cluster get traffic. A full queue is no reason to say no:
// light routes still answer, and taking the host out would move the load to the next one.
import type { Express } from 'express';
import { jsonType } from '../../lane/result.js';
import type { ClusterReadiness } from '../../messages.js';
import { answer } from '../answer.js';
import { expectation } from '../preconditions.js';
import { noQuery } from '../query.js';
import { mountResource } from '../resource.js';

const bodies = { ok: '{"status":"ok"}', unavailable: '{"status":"unavailable"}' };

export function mountProbes(app: Express, readiness: () => ClusterReadiness): void {
  mountProbe(app, '/livez', () => 'ok');
  mountProbe(app, '/readyz', readiness);
}

function mountProbe(app: Express, path: string, probe: () => ClusterReadiness): void {
  mountResource(app, path, {
    get: [
      expectation,
      (req, res) => {
        noQuery(req);
        const status = probe();
        res.setHeader('Cache-Control', 'no-store');
        answer(res, status === 'ok' ? 200 : 503, jsonType, bodies[status]);
      },
    ],
  });
}
