// Plain Express 5 at its best: its prototypes arranged beforehand, as ours are, so that a request changes none.
import { createServer } from 'node:http';
import express from 'express';
import { alignPrototypes } from '#src/server/express-prototypes.js';
import { addRoutes } from '../apps/greeting.js';
import { serveCluster } from './cluster.js';
import { addExpressFeatures } from './features.js';

serveCluster((port) => {
  const app = express();
  addExpressFeatures(app);
  addRoutes(app);
  const classes = alignPrototypes(app);
  // Made by the app's own classes.
  return createServer(classes, (req, res) => Reflect.apply(app, undefined, [req, res])).listen(
    port,
    '127.0.0.1',
  );
});
