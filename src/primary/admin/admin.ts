// The admin side of the primary, put together: listen → routes → a sample of the cluster every second. It reads the
// primary and passes on wishes: a reload, and that a job is cancelled or tried again.
import type { Config } from '../../config.js';
import { readText } from '../../core-budget.js';
import { AppError } from '../../errors.js';
import { localUrl } from '../../host.js';
import type { JobStore } from '../../jobs/store.js';
import type { Logger } from '../../log.js';
import { expositionType } from '../../metrics/exposition.js';
import { createRuntimeMetrics } from '../../metrics/runtime-metrics.js';
import { listenAt } from '../address.js';
import type { ClusterEvent } from '../cluster-event.js';
import type { Primary } from '../primary.js';
import { throttledPeriods } from '../throttling.js';
import { createAdminServer, type Resource, type Resources, serveAdmin } from './admin-server.js';
import { expose } from './exposition.js';
import { createGuard } from './guard.js';
import { jobResource } from './jobs.js';
import { jobCounts, jobsSummary } from './jobs-summary.js';
import { createLiveFeed, type LiveFeed } from './live-feed.js';
import { createLoadSampler } from './load-sampler.js';
import { pageResources } from './page-files.js';
import { createRecentCalls, type RecentCalls } from './recent-calls.js';
import { reply, replyJson } from './reply.js';
import { statusView } from './status-view.js';

export interface Admin {
  readonly url: string;
  readonly onEvent: (event: ClusterEvent) => void;
  /** Begins to answer. In the same turn as `listenAdmin` resolves, so that nobody waits. */
  attach(primary: Primary, jobs: JobStore | undefined): void;
  close(): void;
}

type AdminConfig = Pick<Config, 'adminHost' | 'adminPort' | 'adminAllowedHosts'>;

/** Which of the reloads in /status it became. */
const reloadIdHeader = 'X-Reload-Id';

const sampleEveryMs = 1_000;

/**
 * Listens where the settings say; undefined for `off`.
 * @throws ConfigError where the address cannot be used
 */
export async function listenAdmin(config: AdminConfig, log: Logger): Promise<Admin | undefined> {
  const { adminHost, adminPort, adminAllowedHosts } = config;
  if (adminPort === 'off') return undefined;
  const server = createAdminServer();
  const names = { host: 'ADMIN_HOST', port: 'ADMIN_PORT' };
  const port = await listenAt(server, adminHost, adminPort, names);
  // It is for looking at what runs; it keeps nothing running.
  server.unref();
  const feed = createLiveFeed();
  const recent = createRecentCalls();
  let sampling: NodeJS.Timeout | undefined;

  return {
    url: localUrl(adminHost, port),
    onEvent: feed.event,
    attach(primary, jobs) {
      const resources = resourcesOf(primary, jobs, feed, recent);
      const find = (path: string) => resources.get(path) ?? (jobs && jobResource(jobs, path));
      serveAdmin(server, find, createGuard([adminHost, ...adminAllowedHosts]), log);
      sampling = sampleEvery(sampleEveryMs, primary, jobs, feed, recent);
    },
    close() {
      clearInterval(sampling);
      feed.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

function sampleEvery(
  everyMs: number,
  primary: Primary,
  store: JobStore | undefined,
  feed: LiveFeed,
  recent: RecentCalls,
): NodeJS.Timeout {
  const sample = createLoadSampler();
  return setInterval(async () => {
    const [jobs] = await Promise.all([jobsSummary(store), primary.refresh('counts')]);
    const status = primary.snapshot();
    recent.look(primary.servers);
    const latencyMs = recent.latencies(Object.keys(status.totals));
    feed.snapshot({ status, latencyMs, jobs, sample: sample(primary.servers, status) });
  }, everyMs).unref();
}

function resourcesOf(
  primary: Primary,
  store: JobStore | undefined,
  feed: LiveFeed,
  recent: RecentCalls,
): Resources {
  const primaryRuntime = createRuntimeMetrics('primary');
  return new Map<string, Resource>([
    ...pageResources(),
    [
      '/status',
      {
        method: 'GET',
        async answer(exchange) {
          const [jobs] = await Promise.all([jobCounts(store), primary.refresh('counts')]);
          recent.look(primary.servers);
          const status = primary.snapshot();
          replyJson(exchange, 200, statusView(status, recent.latencies(Object.keys(status.totals)), jobs));
        },
      },
    ],
    [
      '/metrics',
      {
        method: 'GET',
        async answer(exchange) {
          const [jobs] = await Promise.all([jobCounts(store), primary.refresh('all')]);
          const text = await expose({
            status: primary.snapshot(),
            restartsByReason: primary.counts.restartsByReason(),
            series: primary.counts.series(),
            throttledPeriods: throttledPeriods(readText),
            jobs,
            runtime: [await primaryRuntime(), ...primary.counts.runtime()],
          });
          reply(exchange, 200, expositionType, text);
        },
      },
    ],
    [
      '/reload',
      {
        method: 'POST',
        answer(exchange) {
          const id = primary.reload();
          if (id !== undefined) {
            exchange.res.setHeader(reloadIdHeader, id);
            return replyJson(exchange, 202, { reload: 'started' });
          }
          const { state, reloads } = primary.snapshot().primary;
          // One may run before all server processes are ready for the first time.
          const isReloading = state !== 'stopping' && reloads.at(-1)?.outcome === null;
          throw new AppError(
            'CONFLICT',
            isReloading ? 'Another reload is running.' : `The server is ${state}.`,
          );
        },
      },
    ],
    [
      '/events',
      {
        method: 'GET',
        answer({ req, res }) {
          if (req.method === 'HEAD') res.writeHead(200, { 'Content-Type': 'text/event-stream' }).end();
          else if (!feed.join(res)) {
            throw new AppError('OVERLOADED', 'Too many watch already.', { retryAfterSeconds: 5 });
          }
        },
      },
    ],
  ]);
}
