// Asks the admin server of a running cluster. By node:http, because fetch looks like a browser, and the admin server
// lets no browser in by a name that it does not know.
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { ConfigError, readConfig, type Values } from '../config.js';
import { localUrl } from '../host.js';
import { CommandError } from './failure.js';

const patienceMs = 5_000;

/** @throws ConfigError where there is nobody to ask */
export function adminUrl(given: string | undefined, env: Values, flags: Values): URL {
  if (given !== undefined) {
    const url = URL.canParse(given) ? new URL(given) : undefined;
    if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
    throw new ConfigError(`--admin-url must be an http URL, not ${JSON.stringify(given)}`);
  }
  const { adminHost, adminPort } = readConfig(env, flags);
  if (adminPort === 'off') throw new ConfigError('ADMIN_PORT must not be off: there would be nobody to ask');
  if (adminPort === 0) {
    throw new ConfigError(
      'ADMIN_PORT must not be 0 here; the adminUrl of the line "listening" is for --admin-url',
    );
  }
  return new URL(localUrl(adminHost, adminPort));
}

export interface AdminAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Undefined where it is no JSON. */
  readonly body: unknown;
}

export class NobodyAnswers extends CommandError {}

/** @throws NobodyAnswers */
export async function askAdmin(
  base: URL,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
): Promise<AdminAnswer> {
  const url = new URL(path, base);
  try {
    const answer = await send(url, method);
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: parsed(await textOf(answer)) };
  } catch (cause) {
    const why = cause instanceof Error ? ('code' in cause && cause.code) || cause.message : cause;
    throw new NobodyAnswers(
      `nobody answers at ${base.origin} (${why}); is millrace running there, or is its admin server elsewhere (--admin-url)?`,
      {
        cause,
      },
    );
  }
}

/** What a problem says was wrong; undefined where the answer is none. */
export function detailOf({ body }: AdminAnswer): string | undefined {
  return typeof body === 'object' && body !== null && 'detail' in body ? String(body.detail) : undefined;
}

/** For an answer that is not what was asked for. */
export function unexpected(base: URL, got: AdminAnswer): CommandError {
  const detail = detailOf(got);
  const what = detail === undefined ? ', which is no admin server of millrace' : `: ${detail}`;
  return new CommandError(`${base.origin} answers ${got.status}${what}`);
}

function send(url: URL, method: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const make = url.protocol === 'https:' ? requestTls : request;
    const signal = AbortSignal.timeout(patienceMs);
    make(url, { method, signal, agent: false }, resolve)
      .on('error', (error) =>
        reject(signal.aborted ? new Error(`not within ${patienceMs / 1_000} s`) : error),
      )
      .end();
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
