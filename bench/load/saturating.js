// Closed-loop load by autocannon: as many requests as the server can answer, on a few connections.
import autocannon from 'autocannon';
import { fits } from './connection.js';

/**
 * @typedef {object} SaturatingJob
 * @property {string} url of the server
 * @property {import('./kinds.js').Call['request']} request
 * @property {import('./kinds.js').Call['expected']} [expected] what every answer has to be, refusals too; without it
 *   only their status is looked at
 * @property {number} connections
 * @property {number} durationMs
 */

/** @param {SaturatingJob} job */
export async function saturating({ url, request, expected, connections, durationMs }) {
  const result = await autocannon({
    url: new URL(request.path, url).href,
    method: request.method ?? 'GET',
    headers: {
      ...(request.body !== undefined && { 'content-type': 'application/json' }),
      ...request.headers,
    },
    ...(request.body !== undefined && { body: request.body }),
    connections,
    duration: durationMs / 1_000,
    ...(expected !== undefined && { verifyBody: (body) => fits(String(body), expected) }),
  });
  return {
    answered: result['2xx'],
    perSecond: result['2xx'] / result.duration,
    wrong: result.mismatches,
    refused: result.non2xx,
    failed: result.errors + result.timeouts + result.non2xx,
  };
}
