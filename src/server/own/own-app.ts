// A team's own app in a server process: runs its setup, closes what it opened. Where its middleware and routes stand
// among ours is app.ts of the server.
import type { IncomingMessage, Server } from 'node:http';
import type { Express, Request } from 'express';
import type { AppContext, AppSetup } from '../../app.js';
import { AppError } from '../../errors.js';
import type { Lane } from '../../lane/call.js';
import type { Logger } from '../../log.js';
import { AppFileError } from '../../tasks/app-file.js';
import { reasonOf } from '../../tasks/error-report.js';
import type { Task } from '../../tasks/registry.js';
import type { Check } from '../answer/preconditions.js';
import type { ServerJobs } from '../jobs.js';
import { clientOf } from '../request/client.js';
import { pathsOf } from '../request/mounted-route.js';
import { withLater } from './call-later.js';
import { createCallTask, type Sender } from './call-task.js';

type Identify = Parameters<AppContext['authenticate']>[0];

export interface OwnAppDeps {
  /** For messages. */
  readonly file: string;
  readonly setup: AppSetup;
  readonly app: Express;
  readonly server: Server;
  readonly lane: Lane;
  readonly jobs: Pick<ServerJobs, 'store'> | undefined;
  readonly tasks: readonly Task[];
  /** Gives a request the name of its API key, where it shows a good one. */
  readonly identify: (req: Request) => void;
  readonly log: Logger;
}

export interface OwnApp {
  /** In place of the key file's guard, where the app asks who calls by itself. */
  readonly guard: readonly Check[] | undefined;
  /** Everything that was given to `onClose`, the last first. Never rejects. */
  close(): Promise<void>;
}

/** @throws AppFileError where the setup throws, or takes a path that is not the app's to take */
export async function setUpOwnApp({
  file,
  setup,
  app,
  server,
  lane,
  jobs,
  tasks,
  identify,
  log,
}: OwnAppDeps): Promise<OwnApp> {
  const closers: (() => unknown)[] = [];
  let asker: Identify | undefined;

  /** The client's name, kept on the request; 401 where the app knows none. */
  async function ask(req: Request): Promise<void> {
    const { exchange } = req;
    const { isOurs } = exchange;
    // It has the request until it has said who that is.
    exchange.isOurs = false;
    let name: unknown;
    try {
      name = await asker?.(req);
    } finally {
      exchange.isOurs = isOurs;
    }
    if (typeof name !== 'string' || name === '')
      throw new AppError('UNAUTHORIZED', 'This may be asked by known clients only.', {
        headers: { 'WWW-Authenticate': 'Bearer' },
      });
    req.exchange.keyName = name;
  }

  async function senderOf(message: IncomingMessage): Promise<Sender> {
    // Made by the app's own classes.
    const req = message as Request;
    if (req.exchange.keyName === undefined) {
      if (asker === undefined) identify(req);
      else await ask(req);
    }
    return { client: clientOf(req), exchange: req.exchange };
  }

  let closed: Promise<void> | undefined;

  function close(): Promise<void> {
    closed ??= runClosers();
    return closed;
  }

  async function runClosers(): Promise<void> {
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        log.error({ err: error }, 'what the app gave to onClose failed');
      }
    }
  }

  try {
    await setup({
      app,
      server,
      call: withLater(createCallTask({ lane, tasks, senderOf }), {
        lane,
        tasks,
        senderOf,
        store: jobs?.store,
      }),
      log,
      onClose: (closer) => void closers.push(closer),
      authenticate: (identified) => {
        asker = identified;
      },
    });
  } catch (cause) {
    await close();
    throw new AppFileError(file, `its setup failed: ${reasonOf(cause)}`, cause);
  }
  const taken = probeThatIsTaken(app);
  if (taken !== undefined) {
    await close();
    throw new AppFileError(file, `the route ${taken} belongs to the server's probes`);
  }
  return { guard: asker === undefined ? undefined : [ask], close };
}

const probes = new Set(['/livez', '/readyz']);

/**
 * A route of the app that would never be reached: the probes come first. Also in routers that are mounted; what a whole
 * app has that is mounted, Express does not tell.
 */
function probeThatIsTaken({ router }: Express): string | undefined {
  return pathsOf(router.stack).find((path) => probes.has(path.toLowerCase().replace(/(?<=.)\/$/, '')));
}
