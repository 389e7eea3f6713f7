// Clients that ask without pause and account for every request: what was lost and how.
import { Agent, request } from 'node:http';

export interface TrafficReport {
  readonly requests: number;
  /** What was not answered 2xx, by error code or status. */
  readonly losses: Readonly<Record<string, number>>;
}

export interface Traffic {
  /** How many requests have been answered so far. */
  readonly answered: () => number;
  stop(): Promise<TrafficReport>;
}

export interface Ask {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Every client asks in turn; every other one by a new connection each time.
 * @param target a port, or the path of a socket file
 */
export function startTraffic(target: number | string, clients: number, asks: readonly Ask[]): Traffic {
  const losses: Record<string, number> = {};
  let requests = 0;
  let going = true;

  async function client(index: number): Promise<void> {
    const fresh = () => new Agent({ keepAlive: index % 2 === 0, maxSockets: 1 });
    let agent = fresh();
    try {
      for (let turn = index; going; turn++) {
        const ask = asks[turn % asks.length];
        if (ask === undefined) return;
        const sinceMs = performance.now();
        const outcome = await send(target, agent, ask);
        requests++;
        if (!outcome.startsWith('2')) losses[outcome] = (losses[outcome] ?? 0) + 1;
        // A server that leaves ends connections that are silent for long, as this one may have been on a busy machine.
        if (performance.now() - sinceMs > 1_000) {
          agent.destroy();
          agent = fresh();
        }
      }
    } finally {
      agent.destroy();
    }
  }

  const all = Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  return {
    answered: () => requests,
    async stop() {
      going = false;
      await all;
      return { requests, losses };
    },
  };
}

/** The status, or the code of the error. Never rejects. */
function send(
  target: number | string,
  agent: Agent,
  { method, path, body, headers: more }: Ask,
): Promise<string> {
  const place = typeof target === 'string' ? { socketPath: target } : { host: '127.0.0.1', port: target };
  return new Promise((resolve) => {
    const headers = { ...(body !== undefined && { 'content-type': 'application/json' }), ...more };
    const req = request({ ...place, agent, method, path, headers }, (res) => {
      res.resume();
      res.once('end', () => resolve(String(res.statusCode)));
      res.once('error', (error) => resolve(codeOf(error)));
    });
    req.once('error', (error) => resolve(codeOf(error)));
    req.end(body);
  });
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message;
}
