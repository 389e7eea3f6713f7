// Jobs over HTTP, as a client makes and follows them.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const jobTasks = fileURLToPath(new URL('../fixtures/jobs', import.meta.url));

/** So many bytes as the fixture `blob` makes them. */
export function patternOf(bytes: number): Buffer {
  return Buffer.alloc(
    bytes,
    new Uint8Array(251).map((_, i) => i),
  );
}

export interface JobJson {
  readonly id: string;
  readonly task: string;
  readonly state: string;
  readonly progress: { readonly done: number; readonly note?: string } | null;
  readonly attempts: number;
  readonly error: { readonly code: string; readonly status: number; readonly detail: string } | null;
  readonly createdAt: string;
  readonly endedAt: string | null;
  readonly expiresAt: string | null;
}

/** What answers to do with jobs may have in them. */
interface Answered extends JobJson {
  readonly code: string;
  readonly jobs: readonly JobJson[];
  readonly next: string | null;
  readonly paths: Readonly<Record<string, { readonly post: { readonly responses: object } }>>;
}

/** An answer's body, of which the test knows what it is. */
export async function jsonOf(response: Response): Promise<Answered> {
  return (await response.json()) as Answered;
}

/** Asks for a job. */
export function postJob(
  url: string,
  task: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  const isBytes = body instanceof Uint8Array;
  return fetch(`${url}/${task}`, {
    method: 'POST',
    headers: {
      'Content-Type': isBytes ? 'application/octet-stream' : 'application/json',
      Prefer: 'respond-async',
      ...headers,
    },
    body: isBytes ? new Uint8Array(body) : JSON.stringify(body),
  });
}

/** One that is accepted: its id. */
export async function jobId(
  url: string,
  task: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<string> {
  const response = await postJob(url, task, body, headers);
  const text = await response.text();
  if (response.status !== 202) throw new Error(`${response.status} ${text}`);
  return String(JSON.parse(text).id);
}

export async function jobOf(url: string, id: string): Promise<JobJson> {
  return (await fetch(`${url}/jobs/${id}`)).json() as Promise<JobJson>;
}

/** As its events tell, wherever it runs. */
export async function jobEnded(url: string, id: string): Promise<JobJson> {
  for await (const { type, data } of jobEvents(url, id)) if (type === 'end') return data as JobJson;
  const response = await fetch(`${url}/jobs/${id}`).catch(() => undefined);
  if (response?.status === 404) throw new Error(`The job ${id} is not known any more.`);
  await response?.body?.cancel();
  // Its process has left: to another one, when there is one.
  await sleep(20);
  return jobEnded(url, id);
}

export interface JobEvent {
  readonly id: number;
  readonly type: string;
  readonly data: unknown;
}

/** Until the server ends the stream, or the caller stops to read. */
export async function* jobEvents(
  url: string,
  id: string,
  headers: Record<string, string> = {},
): AsyncGenerator<JobEvent> {
  const stop = new AbortController();
  let rest = '';
  try {
    const response = await fetch(`${url}/jobs/${id}/events`, { signal: stop.signal, headers });
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const frames = (rest + text).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        const [, eventId, type, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(frame) ?? [];
        if (type !== undefined && data !== undefined)
          yield { id: Number(eventId), type, data: JSON.parse(data) };
      }
    }
  } catch {
    // Its process has died.
  } finally {
    stop.abort();
  }
}

/** Where the fixture `held` says that it has begun, and is let go. */
export interface Hold {
  readonly folder: string;
  /** The processes in which the run of this name has begun, one entry for each time. */
  begun(name: string): number[];
  /** When they did. */
  begunAtMs(name: string): number[];
  wasStopped(name: string): boolean;
  release(): void;
}

export function createHold(): Hold {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-held-'));
  const lines = (name: string): string[] => {
    try {
      return readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1);
    } catch {
      return [];
    }
  };
  const release = (): void => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'open'), '');
  };
  onTestFinished(() => {
    release();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    begun: (name) => lines(name).map((line) => Number(line.split(' ')[0])),
    begunAtMs: (name) => lines(name).map((line) => Number(line.split(' ')[1])),
    wasStopped: (name) => lines(`${name}.stopped`).length > 0,
    release,
  };
}
