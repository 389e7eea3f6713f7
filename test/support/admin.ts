// The admin server of a real cluster, and its event stream.
import { type IncomingHttpHeaders, request } from 'node:http';
import { type Cluster, type Env, startCluster } from './cluster.js';

export interface AdminCluster extends Cluster {
  readonly adminUrl: string;
}

export async function startAdminCluster(env: Env = {}): Promise<AdminCluster> {
  const cluster = await startCluster({ env });
  const line = cluster.lines.find(({ msg }) => msg === 'listening');
  return { ...cluster, adminUrl: String(line?.adminUrl) };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request with exactly these headers: fetch would add its own. */
export function ask(
  url: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method, headers, agent: false }, (res) => {
      let body = '';
      res.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body }));
    });
    req.on('error', reject).end();
  });
}

export interface StreamEvent {
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** The events of /events as they come, until the caller stops to read. */
export async function* eventsOf(adminUrl: string): AsyncGenerator<StreamEvent> {
  const stop = new AbortController();
  const response = await fetch(`${adminUrl}/events`, { signal: stop.signal });
  try {
    let rest = '';
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const frames = (rest + text).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        const type = /^event: (.*)$/m.exec(frame)?.[1];
        const data = /^data: (.*)$/m.exec(frame)?.[1];
        if (type !== undefined && data !== undefined) yield { type, data: JSON.parse(data) };
      }
    }
  } finally {
    stop.abort();
  }
}

/** The first event that fits. */
export async function nextEvent(
  adminUrl: string,
  fits: (event: StreamEvent) => boolean,
  begun: () => unknown = () => undefined,
): Promise<StreamEvent> {
  for await (const event of eventsOf(adminUrl)) {
    if (event.type === 'history') begun();
    if (fits(event)) return event;
  }
  throw new Error('the stream ended');
}
