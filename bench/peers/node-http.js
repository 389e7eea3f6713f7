// Bare node:http: the limit for IO.
import { createServer } from 'node:http';
import { serveCluster } from './cluster.js';
import { addFeatures, withFeatures } from './features.js';
import { hello } from './work.js';

const routeOf = () => '/';

serveCluster(() =>
  createServer((req, res) => {
    if (withFeatures) addFeatures(req, res, routeOf);
    if (req.url === '/' && req.method === 'GET') {
      res.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': hello.length });
      res.end(hello);
    } else {
      res.writeHead(404, { 'Content-Length': 0 }).end();
    }
  }).listen(0, '127.0.0.1'),
);
