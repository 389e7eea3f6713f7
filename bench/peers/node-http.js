// Bare node:http: the limit for IO, and for a small hash that is computed where it arrives.
import { createServer } from 'node:http';
import { serveCluster } from './cluster.js';
import { addFeatures, withFeatures } from './features.js';
import { hash, hello } from './work.js';

const routeOf = () => '/';

serveCluster((port) =>
  createServer((req, res) => {
    if (withFeatures) addFeatures(req, res, routeOf);
    if (req.url === '/' && req.method === 'GET') {
      res.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': hello.length });
      res.end(hello);
    } else if (req.url === '/hash' && req.method === 'POST') {
      /** @type {Buffer[]} */
      const chunks = [];
      req.on('data', (chunk) => chunks.push(chunk));
      req.on('end', () => {
        const body = JSON.stringify(hash(JSON.parse(Buffer.concat(chunks).toString())));
        res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
        res.end(body);
      });
    } else {
      res.writeHead(404, { 'Content-Length': 0 }).end();
    }
  }).listen(port, '127.0.0.1'),
);
