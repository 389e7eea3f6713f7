// Express that hands its work to piscina, with piscina's defaults.
import express from 'express';
import { serveCluster } from './cluster.js';
import { addExpressFeatures } from './features.js';
import { createPool } from './pool.js';
import { hash, hello } from './work.js';

serveCluster((port) => {
  const pool = createPool();
  const app = express();
  addExpressFeatures(app);
  app.get('/', (_req, res) => res.type('text/plain').send(hello));
  app.get('/compute/primes', async (req, res) => res.json(await pool.run(Number(req.query.limit))));
  app.post('/hash', express.json(), (req, res) => res.json(hash(req.body)));
  return app.listen(port, '127.0.0.1');
});
