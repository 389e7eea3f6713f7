// Express that computes in its handlers. With PROCESSES=1 a plain server, with more the cluster that every tutorial
// shows as the answer to CPU-bound work.
import express from 'express';
import { serveCluster } from './cluster.js';
import { addExpressFeatures } from './features.js';
import { hash, hello, primes } from './work.js';

serveCluster((port) => {
  const app = express();
  addExpressFeatures(app);
  app.get('/', (_req, res) => res.type('text/plain').send(hello));
  app.get('/compute/primes', (req, res) => res.json(primes(Number(req.query.limit))));
  app.post('/hash', express.json(), (req, res) => res.json(hash(req.body)));
  return app.listen(port, '127.0.0.1');
});
