// What Express, its middleware and an app's own code throw → errors with a status. They name it in the error (`status` or
// `statusCode`, the convention of http-errors): below 500 the client's request is at fault, from 500 on the server.
import { STATUS_CODES } from 'node:http';
import { AppError, type AppErrorOptions, type ErrorCode, errorTable } from '../../errors.js';

/** Undefined where the error names no status: then it is a fault of the server, 500. */
export function errorOfLibrary(thrown: unknown): AppError | undefined {
  if (thrown instanceof URIError) return undecodablePath(thrown);
  if (typeof thrown !== 'object' || thrown === null || thrown instanceof AppError) return undefined;
  const status = statusOf(thrown);
  if (status === undefined) return undefined;
  const options = { cause: thrown, headers: headersOf(thrown) };
  if (status >= 500) return new StatusError('INTERNAL', status, phraseOf(status), options);
  const code = codeOf(status, thrown);
  const message = exposed(thrown);
  // The name of the status says nothing more than the status.
  const told = message === phraseOf(status) ? undefined : message;
  if (code === undefined) return new StatusError('BAD_REQUEST', status, told ?? phraseOf(status), options);
  return new AppError(
    code,
    told ?? (general.has(code) ? plain(errorTable[code].when) : phraseOf(status)),
    options,
  );
}

export function undecodablePath(cause: unknown): AppError {
  return new AppError('BAD_REQUEST', 'The path is not percent-encoded UTF-8.', { cause });
}

/** An error whose status is not in the table. It is told by the status's own name: 410 is `GONE`. */
class StatusError extends AppError {
  readonly #status: number;

  /** @param code the class of the status (RFC 9110, 15) */
  constructor(code: 'BAD_REQUEST' | 'INTERNAL', status: number, detail: string, options: AppErrorOptions) {
    super(code, detail, options);
    this.#status = status;
  }

  override get status(): number {
    return this.#status;
  }

  override get title(): string {
    return phraseOf(this.#status);
  }

  override get toldCode(): string {
    return phraseOf(this.#status)
      .replace(/[^\w -]/g, '')
      .replace(/[ -]/g, '_')
      .toUpperCase();
  }
}

/** The table is written for Markdown. */
const plain = (text: string): string => text.replaceAll('`', '');

const phraseOf = (status: number): string => STATUS_CODES[status] ?? `Status ${status}`;

/** 500 itself says no more than an error without a status. */
function statusOf(error: object): number | undefined {
  const named = 'status' in error ? error.status : 'statusCode' in error ? error.statusCode : undefined;
  const fits = Number.isInteger(named) && Number(named) >= 400 && Number(named) < 600 && named !== 500;
  return fits ? Number(named) : undefined;
}

/** Undefined: the table has none. */
function codeOf(status: number, error: object): ErrorCode | undefined {
  // So body-parser marks what it could not parse; all else of 400 has no code of its own.
  if ('type' in error && error.type === 'entity.parse.failed') return 'MALFORMED_BODY';
  return status === 400 ? 'BAD_REQUEST' : codesByStatus.get(status);
}

/** What only this server's own routes mean: an app that limits how often it is asked does not mean our quota. */
const ours: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'QUOTA_EXCEEDED',
  'NOT_READY',
  'IDEMPOTENCY_MISMATCH',
]);

/** Without `ours`, each status between 400 and 500 has one code. */
const codesByStatus: ReadonlyMap<number, ErrorCode> = new Map(
  Object.entries(errorTable).flatMap(([code, { status }]) =>
    isErrorCode(code) && !ours.has(code) && status > 400 && status < 500 ? [[status, code] as const] : [],
  ),
);

/** Codes whose sentence in the table is true of any server's answer, not only of ours. */
const general: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BAD_REQUEST',
  'MALFORMED_BODY',
  'NOT_FOUND',
  'PRECONDITION_FAILED',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RANGE_NOT_SATISFIABLE',
]);

/**
 * The message, where it was written for the client: http-errors says so by `expose`, and says it of a system error that
 * it was handed, too, whose message has a path of this machine in it; body-parser of its own, which are for developers.
 */
function exposed(error: object): string | undefined {
  if (!(error instanceof Error) || !('expose' in error) || error.expose !== true) return undefined;
  if ('syscall' in error || 'path' in error || 'type' in error) return undefined;
  return error.message === '' ? undefined : error.message;
}

function isErrorCode(name: string): name is ErrorCode {
  return Object.hasOwn(errorTable, name);
}

/** Such as the Content-Range of a 416. */
function headersOf(error: object): Readonly<Record<string, string>> {
  const given: unknown = 'headers' in error ? error.headers : undefined;
  if (typeof given !== 'object' || given === null) return {};
  const entries = Object.entries(given).map(([name, value]): [string, string] => [name, String(value)]);
  return Object.fromEntries(entries);
}
