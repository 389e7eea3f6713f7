// The Express app of a server process: middleware and routes in the order in which a request meets them.
// It never listens; sockets, timeouts and draining are server.ts.
import express, {
  type Express,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import type { ApiKeys } from '../api-keys.js';
import { ConfigError, type ServerConfig } from '../config.js';
import type { AppError } from '../errors.js';
import { allowedMethods } from '../http/strict-http.js';
import type { Lane } from '../lane/call.js';
import type { Logger } from '../log.js';
import type { CloseMode, ClusterReadiness, MachineLoad } from '../messages.js';
import { servesBuiltIns } from '../tasks/folders.js';
import { hasRoute, type Task } from '../tasks/registry.js';
import { createAccessLog } from './access-log.js';
import { loadHeader } from './answer/load-header.js';
import { type Check, continueWhenRead } from './answer/preconditions.js';
import { notFound, nothingAt, problemHandler } from './answer/problem.js';
import { type FixedPaths, fixedPaths, optionsAnswer } from './answer/resource.js';
import { ownSecurityHeaders, securityHeaders } from './answer/security-headers.js';
import { stampHeads } from './answer/stamped-head.js';
import { type Front, putInFront } from './express-front.js';
import { access } from './guard/access.js';
import { cors } from './guard/cors.js';
import type { Quota } from './guard/quota.js';
import { trustProxies, watchForProxy } from './guard/trust-proxy.js';
import type { ServerJobs } from './jobs.js';
import { apiInfo } from './openapi/api-info.js';
import { lightenAnswers } from './own/light-answers.js';
import type { RefusalRate } from './refusal-rate.js';
import { arrival, type OnAnswer } from './request/arrival.js';
import { withRequestSpan } from './request/request-span.js';
import { addDocs } from './routes/docs.js';
import { addIoRoutes } from './routes/io.js';
import { addJobs, isJobsTask } from './routes/jobs.js';
import { addProbes } from './routes/probes.js';
import { addTasks } from './routes/tasks.js';

export interface AppDeps {
  readonly config: ServerConfig;
  /** A team's own app stands in front of the server's routes. */
  readonly isOwn?: boolean;
  readonly tasks: readonly Task[];
  readonly lane: Lane;
  /** Undefined: open to anybody. */
  readonly keys?: ApiKeys | undefined;
  /** Undefined: everybody may use what there is. */
  readonly quota?: Quota | undefined;
  /** Undefined: no call becomes a job. */
  readonly jobs?: Pick<ServerJobs, 'store' | 'closers'> | undefined;
  readonly readiness: () => ClusterReadiness;
  /** The machine's load, for who asks. */
  readonly machineLoad?: (() => MachineLoad | undefined) | undefined;
  /** Set while this server process drains: while it stops, CPU calls are refused. Connections are drain.ts. */
  readonly closing: () => CloseMode | undefined;
  readonly log: Logger;
  /** For the lines of requests; by default the log. */
  readonly requestLog?: Logger;
  readonly refusalRate: RefusalRate;
  /** Whether spans are recorded. */
  readonly traced?: boolean;
  readonly onAnswer?: OnAnswer;
  /** An X-Forwarded-For has come, once, and TRUST_PROXY is unset. */
  readonly onProxied?: (() => void) | undefined;
}

/** An app whose own routes may still be added, in front of those that `finish` adds. */
export interface OpenApp {
  readonly app: Express;
  /** For the HTTP server. */
  handler(req: Request, res: Response): void;
  /** Answers in place of a handler. */
  tellProblem(error: AppError, req: Request, res: Response): void;
  /** @param guard who may call the tasks, where that is not for the key file to say */
  finish(guard?: readonly Check[]): void;
}

export function createApp(deps: AppDeps): Express {
  const { app, finish } = openApp(deps);
  finish();
  return app;
}

export function openApp(deps: AppDeps): OpenApp {
  const { config, log, requestLog = log, onProxied, isOwn = false } = deps;
  const app = express();
  app.set('x-powered-by', false);
  // Ours need nothing of these; a team's own app gets what Express gives to every app.
  if (!isOwn) for (const setting of ['query parser', 'etag']) app.set(setting, false);
  else lightenAnswers(app);
  trustProxies(app, config);
  stampHeads(app, securityHeaders(), isOwn ? { own: ownSecurityHeaders } : {});

  const lines = createAccessLog(config.accessLog, requestLog, log);
  const arrive = arrival({ lines, onAnswer: deps.onAnswer });
  const noteProxy = config.trustProxy === undefined && onProxied ? watchForProxy(onProxied) : undefined;
  const shareAcrossOrigins = config.corsOrigins === undefined ? undefined : cors(config.corsOrigins);
  const tellLoad = deps.machineLoad && loadHeader(deps.machineLoad);
  const { traced = false } = deps;
  const probes = fixedPaths(config.bodyLimitBytes);
  addProbes(probes, deps.readiness);
  const paths = isOwn ? fixedPaths(config.bodyLimitBytes) : probes;
  const tellProblem = problemHandler(lines, deps.refusalRate);
  const first: Front = (req, res, next) => {
    arrive(req, res);
    noteProxy?.(req);
    shareAcrossOrigins?.(req, res);
    tellLoad?.(req, res);
    if (traced) return withRequestSpan(req, res, () => probes.middleware(req, res, next));
    return probes.middleware(req, res, next);
  };
  const firstOfOwn: Front = (req, res, next) =>
    first(req, res, (error) => {
      if (error === undefined) continueWhenRead(req, res);
      next(error);
    });
  putInFront(app, isOwn ? firstOfOwn : first, tellProblem);

  function finish(guard = access(deps.keys)): void {
    const handlers = isOwn ? takeErrorHandlers(app) : [];
    if (isOwn) app.use(paths.middleware);
    const patterns = express.Router({ caseSensitive: true, strict: true });
    addRoutes(patterns, paths, deps, guard);
    // Mounted in a router as strict as itself.
    const { routePrefix } = config;
    if (routePrefix === undefined) app.use(patterns);
    else app.use(express.Router({ caseSensitive: true, strict: true }).use(routePrefix, patterns));
    // Asks for the server as a whole (RFC 9110, 9.3.7).
    app.options('\\*', optionsAnswer(allowedMethods));
    app.use(isOwn ? notFoundUnlessOptions : notFound);
    app.router.stack.push(...handlers);
    app.use(tellProblem);
  }
  return {
    app,
    finish,
    tellProblem,
    // Nothing is left but an OPTIONS of what is not there.
    handler: (req, res) => app(req, res, () => tellProblem(nothingAt(req), req, res)),
  };
}

/** Behind an app's own routes Express itself answers OPTIONS, with what they have at that path. */
const notFoundUnlessOptions: RequestHandler = (req, res, next) =>
  req.method === 'OPTIONS' ? next() : notFound(req, res, next);

/**
 * An app's own error handlers come behind everything, so that they meet the errors of tasks too, and what is found
 * nowhere.
 */
function takeErrorHandlers({ router }: Express): Express['router']['stack'] {
  const handlers = router.stack.filter(({ route, handle }) => route === undefined && handle.length === 4);
  router.stack = router.stack.filter((layer) => !handlers.includes(layer));
  return handlers;
}

/** @param patterns for the paths with parameters */
export function addRoutes(
  patterns: Router,
  paths: FixedPaths,
  deps: AppDeps,
  guard: readonly Check[] = access(deps.keys),
): void {
  const { config, keys, tasks } = deps;
  const builtIns = servesBuiltIns(config);
  if (builtIns) addIoRoutes(paths, config.bodyLimitBytes, access(keys));
  const described = {
    keyed: keys !== undefined,
    quota: config.cpuQuotaMsPerMinute > 0,
    jobs: deps.jobs !== undefined,
  };
  const { routePrefix: prefix = '' } = config;
  const prefixed: FixedPaths = { ...paths, add: (path, methods) => paths.add(prefix + path, methods) };
  if (config.docs === 'on') addDocs(patterns, prefixed, tasks, apiInfo(config), described, builtIns, prefix);
  const jobs = deps.jobs && { ...deps.jobs, lane: deps.lane, prefix };
  addTasks(patterns, prefixed, { ...deps, guard, jobs });
  if (jobs === undefined) return;
  const taken = tasks.find((task) => hasRoute(task) && isJobsTask(task.name));
  if (taken !== undefined)
    throw new ConfigError(
      `JOBS must be off, or the task ${taken.name} have another name: ${prefix}/jobs is taken`,
    );
  addJobs(patterns, prefixed, jobs, guard);
}
