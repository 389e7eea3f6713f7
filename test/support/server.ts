// A whole server of one server process, inside the test's own.
import { createLogger } from '#src/log.js';
import { type RunningServer, startServer } from '#src/server/server.js';
import { testConfig } from './app.js';

export interface TestServer extends RunningServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
}

/** To be closed. @param env settings by variable */
export async function startTestServer(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startServer({
    config: testConfig({ PORT: '0', ...env }),
    slot: 0,
    log: createLogger('silent', {}),
    readiness: () => 'ok',
    connectionsFrom: 'address',
    onFatal(error) {
      throw error;
    },
  });
  return { ...server, url: `http://127.0.0.1:${server.port}` };
}
