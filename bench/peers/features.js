// What ours does for every request and cannot switch off, for the peers to do as well: an id, the same headers, a
// histogram of durations. FEATURES=off leaves it out.
import { Histogram } from 'prom-client';
import { securityHeaders } from '#src/server/answer/security-headers.js';
import { requestIds } from '#src/server/request/request-id.js';

export const withFeatures = process.env.FEATURES !== 'off';
export const requestIdOf = requestIds();
export const headers = securityHeaders();

const histogram = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Duration of requests.',
  labelNames: ['method', 'route', 'status'],
});
const children = new Map();

/**
 * Looking a child up by its labels is the dearer part of prom-client's observe: it is done once.
 * @param {string} method @param {string} route @param {number} status @param {number} seconds
 */
export function observe(method, route, status, seconds) {
  const key = `${method} ${route} ${status}`;
  let child = children.get(key);
  if (child === undefined) {
    child = histogram.labels({ method, route, status });
    children.set(key, child);
  }
  child.observe(seconds);
}

/**
 * For node:http and everything that stands on it.
 * @template {import('node:http').IncomingMessage} T
 * @param {T} req @param {import('node:http').ServerResponse} res @param {(req: T) => string} routeOf
 */
export function addFeatures(req, res, routeOf) {
  const startMs = performance.now();
  res.setHeader('X-Request-Id', requestIdOf(req.headers['x-request-id']));
  for (const [name, value] of headers) res.setHeader(name, value);
  res.on('finish', () => {
    observe(req.method ?? 'none', routeOf(req), res.statusCode, (performance.now() - startMs) / 1_000);
  });
}

/** For Express. @param {import('express').Express} app */
export function addExpressFeatures(app) {
  if (!withFeatures) return;
  app.use((req, res, next) => {
    addFeatures(req, res, patternOf);
    next();
  });
}

/** @param {import('express').Request} req @returns {string} */
const patternOf = (req) => req.route?.path ?? 'unmatched';
