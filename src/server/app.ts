// The Express app of a server process: middleware and routes in the order in which a request meets them.
// It never listens; sockets, timeouts and draining are server.ts.
import express, { type Express } from 'express';
import type { ApiKeys } from '../api-keys.js';
import type { ServerConfig } from '../config.js';
import { allowedMethods } from '../http/strict-http.js';
import type { Lane } from '../lane/call.js';
import type { Logger } from '../log.js';
import type { CloseMode, ClusterReadiness } from '../messages.js';
import type { Task } from '../tasks/registry.js';
import { notFound, problemHandler } from './answer/problem.js';
import { type FixedPaths, fixedPaths, optionsAnswer } from './answer/resource.js';
import { securityHeaders } from './answer/security-headers.js';
import { stampHeads } from './answer/stamped-head.js';
import { access } from './guard/access.js';
import { cors } from './guard/cors.js';
import type { Quota } from './guard/quota.js';
import { trustProxies, watchForProxy } from './guard/trust-proxy.js';
import type { RefusalPace } from './refusal-pace.js';
import { arrival, type OnAnswer } from './request/arrival.js';
import { addDocs } from './routes/docs.js';
import { addIoRoutes } from './routes/io.js';
import { addProbes } from './routes/probes.js';
import { addTasks } from './routes/tasks.js';

export interface AppDeps {
  readonly config: ServerConfig;
  readonly tasks: readonly Task[];
  readonly lane: Lane;
  /** Undefined: open to anybody. */
  readonly keys?: ApiKeys | undefined;
  /** Undefined: everybody may use what there is. */
  readonly quota?: Quota | undefined;
  readonly readiness: () => ClusterReadiness;
  /** Set while this server process drains: while it stops, CPU calls are refused. Connections are drain.ts. */
  readonly closing: () => CloseMode | undefined;
  readonly log: Logger;
  readonly refusalPace: RefusalPace;
  readonly onAnswer?: OnAnswer;
  /** An X-Forwarded-For has come, once, and TRUST_PROXY is unset. */
  readonly onProxied?: (() => void) | undefined;
}

export function createApp(deps: AppDeps): Express {
  const { config, log, onProxied } = deps;
  const app = express();
  app.set('case sensitive routing', true);
  app.set('strict routing', true);
  app.set('query parser', false);
  app.set('etag', false);
  app.set('x-powered-by', false);
  trustProxies(app, config.trustProxy);
  stampHeads(app, securityHeaders());

  const arrive = arrival({ accessLog: config.accessLog, log, onAnswer: deps.onAnswer });
  const noteProxy = config.trustProxy === undefined && onProxied ? watchForProxy(onProxied) : undefined;
  const shareAcrossOrigins = config.corsOrigins === undefined ? undefined : cors(config.corsOrigins);
  const paths = fixedPaths(config.bodyLimitBytes);
  // As one middleware: each one of its own would cost every request a µs.
  app.use((req, res, next) => {
    arrive(req, res);
    noteProxy?.(req);
    shareAcrossOrigins?.(req, res);
    return paths.middleware(req, res, next);
  });
  addRoutes(app, paths, deps);
  // Asks for the server as a whole (RFC 9110, 9.3.7).
  app.options('\\*', optionsAnswer(allowedMethods));
  app.use(notFound);
  app.use(problemHandler(log, deps.refusalPace));
  return app;
}

/** @param app for the paths with parameters */
export function addRoutes(app: Express, paths: FixedPaths, deps: AppDeps): void {
  const { config, keys, tasks } = deps;
  const guard = access(keys);
  addIoRoutes(paths, config.bodyLimitBytes, guard);
  addProbes(paths, deps.readiness);
  const described = { keyed: keys !== undefined, quota: config.cpuQuotaMsPerMinute > 0 };
  if (config.docs === 'on') addDocs(app, paths, tasks, described);
  addTasks(app, paths, { ...deps, guard });
}
