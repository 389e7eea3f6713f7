// The light routes: they only ever wait. Nothing here touches the CPU lane.
import type { Request, RequestHandler } from 'express';
import { monotonicMs } from '../../clock.js';
import { deadlineExceeded } from '../../errors.js';
import { expectation } from '../../http/expectation.js';
import { answer, answerJson } from '../answer/answer.js';
import type { Check } from '../answer/preconditions.js';
import { announcedLength, identityEncoding, sendContinue } from '../answer/preconditions.js';
import type { FixedPaths } from '../answer/resource.js';
import { readBody } from '../request/body.js';
import { deadlineOf } from '../request/deadline.js';
import { invalidQuery, noQuery, queryOf, unknownParameter } from '../request/query.js';

/**
 * @param bodyLimitBytes largest body of /io/echo
 * @param guard asks who is there
 */
export function addIoRoutes(paths: FixedPaths, bodyLimitBytes: number, guard: readonly Check[]): void {
  const checks = [...guard, expectation];
  paths.add('/', { get: { checks, answer: hello() } });
  paths.add('/io/delay', { get: { checks, answer: delay } });
  paths.add('/io/echo', {
    post: {
      checks: [...checks, announcedLength(() => bodyLimitBytes), identityEncoding],
      answer: echo(bodyLimitBytes),
    },
  });
}

function hello(): RequestHandler {
  // A string: Node sends it in one piece with the headers, a buffer in a second one (7 µs, Node 20).
  const body = `hello from server ${process.pid}`;
  return (req, res) => {
    deadlineOf(req);
    noQuery(req);
    answer(res, 200, 'text/plain; charset=utf-8', body);
  };
}

const longestDelayMs = 60_000;

/** Stands for a slow upstream. */
const delay: RequestHandler = (req, res, next) => {
  const deadlineMs = deadlineOf(req);
  const waitMs = delayParameter(req);
  if (req.method === 'HEAD') {
    answerJson(res, 200, { waitedMs: waitMs });
    return;
  }
  const leftMs = deadlineMs === undefined ? Number.POSITIVE_INFINITY : deadlineMs - monotonicMs();
  const timer = setTimeout(
    () => {
      if (leftMs < waitMs) next(deadlineExceeded());
      else answerJson(res, 200, { waitedMs: waitMs });
    },
    Math.min(waitMs, leftMs),
  );
  res.once('close', () => clearTimeout(timer));
};

function delayParameter(req: Request): number {
  const parameters = queryOf(req);
  const unknown = [...parameters.keys()].filter((name) => name !== 'ms');
  if (unknown.length > 0) throw invalidQuery(unknown.map(unknownParameter));
  const text = parameters.get('ms') ?? '';
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text) || Number(text) > longestDelayMs) {
    throw invalidQuery([{ path: 'ms', message: `A whole number from 0 to ${longestDelayMs} is required.` }]);
  }
  return Number(text);
}

function echo(limitBytes: number): RequestHandler {
  return async (req, res) => {
    const deadlineMs = deadlineOf(req);
    noQuery(req);
    sendContinue(req, res);
    const body = await readBody(req, limitBytes, deadlineMs);
    answer(res, 200, req.headers['content-type'] ?? 'application/octet-stream', body);
  };
}
