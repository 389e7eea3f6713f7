// Fastify that hands its work to piscina, with piscina's defaults.
import Fastify from 'fastify';
import { serveCluster } from './cluster.js';
import { headers, observe, requestIdOf, withFeatures } from './features.js';
import { createPool } from './pool.js';
import { hash, hello } from './work.js';

const constantHeaders = Object.fromEntries(headers);

/** @param {unknown} query */
function limitOf(query) {
  return Number(typeof query === 'object' && query !== null && 'limit' in query ? query.limit : Number.NaN);
}

serveCluster((port) => {
  const pool = createPool();
  const app = Fastify({ genReqId: (req) => requestIdOf(req.headers['x-request-id']) });
  if (withFeatures) {
    app.addHook('onRequest', (req, reply, done) => {
      reply.header('X-Request-Id', req.id).headers(constantHeaders);
      done();
    });
    app.addHook('onResponse', (req, reply, done) => {
      observe(req.method, req.routeOptions.url ?? 'unmatched', reply.statusCode, reply.elapsedTime / 1_000);
      done();
    });
  }
  app.get('/', (_req, reply) => reply.type('text/plain; charset=utf-8').send(hello));
  app.get('/compute/primes', (req) => pool.run(limitOf(req.query)));
  app.post('/hash', (req) => hash(req.body));
  void app.listen({ port, host: '127.0.0.1' });
});
