// The Express app of a server process: middleware and routes in the order in which a request meets them.
// It never listens; sockets, timeouts and draining are server.ts.
import express, { type Express } from 'express';
import type { ApiKeys } from '../api-keys.js';
import type { ServerConfig } from '../config.js';
import type { Lane } from '../lane/call.js';
import type { Task } from '../lane/task-registry.js';
import type { Logger } from '../log.js';
import type { CloseMode, ClusterReadiness } from '../messages.js';
import { arrival, type OnAnswer } from './arrival.js';
import { access } from './guard/access.js';
import { cors } from './guard/cors.js';
import type { Quota } from './guard/quota.js';
import { trustProxies, warnOfProxy } from './guard/trust-proxy.js';
import { notFound, problemHandler } from './problem.js';
import { optionsAnswer } from './resource.js';
import { mountDocs } from './routes/docs.js';
import { mountIoRoutes } from './routes/io.js';
import { mountProbes } from './routes/probes.js';
import { mountTasks } from './routes/tasks.js';
import { allowedMethods } from './strict-http.js';

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
  readonly onAnswer?: OnAnswer;
}

export function createApp(deps: AppDeps): Express {
  const { config, log } = deps;
  const app = express();
  app.set('case sensitive routing', true);
  app.set('strict routing', true);
  app.set('query parser', false);
  app.set('etag', false);
  app.set('x-powered-by', false);
  trustProxies(app, config.trustProxy);

  app.use(arrival({ accessLog: config.accessLog, log, onAnswer: deps.onAnswer }));
  if (config.trustProxy === 0) app.use(warnOfProxy(log));
  if (config.corsOrigins !== undefined) app.use(cors(config.corsOrigins));
  const guard = access(deps.keys);
  mountIoRoutes(app, config.bodyLimitBytes, guard);
  mountProbes(app, deps.readiness);
  if (config.docs === 'on') {
    mountDocs(app, deps.tasks, { keyed: deps.keys !== undefined, quota: config.cpuQuotaMsPerMinute > 0 });
  }
  mountTasks(app, { ...deps, guard });
  // Asks for the server as a whole (RFC 9110, 9.3.7).
  app.options('\\*', optionsAnswer(allowedMethods));
  app.use(notFound);
  app.use(problemHandler(log));
  return app;
}
