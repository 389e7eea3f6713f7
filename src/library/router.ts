// The tasks' routes for an app that is not this server's: with what its requests and answers lack of ours.
import express, { type RequestHandler, type Router } from 'express';
import type { Config } from '../config.js';
import type { Lane } from '../lane/call.js';
import type { Logger } from '../log.js';
import { type AccessLog, createAccessLog } from '../server/access-log.js';
import { problemHandler } from '../server/answer/problem.js';
import { fixedPaths } from '../server/answer/resource.js';
import { createRefusalRate } from '../server/refusal-rate.js';
import { arrival, type OnAnswer } from '../server/request/arrival.js';
import { addTasks } from '../server/routes/tasks.js';
import type { Task } from '../tasks/registry.js';

export interface RouterDeps {
  readonly config: Config;
  readonly tasks: readonly Task[];
  readonly lane: Lane;
  readonly log: Logger;
  readonly onAnswer: OnAnswer;
}

export function createRouter({ config, tasks, lane, log, onAnswer }: RouterDeps): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  const paths = fixedPaths(config.bodyLimitBytes);
  const lines = createAccessLog('off', log);
  router.use(arriving(lines, onAnswer));
  router.use(paths.middleware);
  addTasks(router, paths, { config, tasks, lane, guard: [], closing: () => undefined });
  router.use(problemHandler(lines, createRefusalRate()));
  return router;
}

/** The app's own server has told a client that waits for it to send its body, and nobody stamps its heads. */
function arriving(lines: AccessLog, onAnswer: OnAnswer): RequestHandler {
  const arrive = arrival({ lines, onAnswer });
  return (req, res, next) => {
    arrive(req, res);
    req.exchange.continued = true;
    res.setHeader('X-Request-Id', req.exchange.requestId);
    next();
  };
}
