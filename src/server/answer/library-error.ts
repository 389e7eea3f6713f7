// What Express and its middleware throw → errors with a code. They name the status in the error (`status` or
// `statusCode`, the convention of http-errors): below 500 the client's request is at fault, not the server.
import { AppError, type ErrorCode, errorTable } from '../../errors.js';

/**
 * What a client is told is ours: a library's message may have been written for developers. Undefined where the error
 * does not blame the request: then it is a fault of the server.
 */
export function refusalOfLibrary(thrown: unknown): AppError | undefined {
  if (thrown instanceof URIError) return undecodablePath(thrown);
  if (!(thrown instanceof Error) || thrown instanceof AppError) return undefined;
  const status = refusedStatus(thrown);
  if (status === undefined) return undefined;
  const code = codeOf(status, thrown);
  return new AppError(code, errorTable[code].when, { cause: thrown, headers: headersOf(thrown) });
}

export function undecodablePath(cause: unknown): AppError {
  return new AppError('BAD_REQUEST', 'The path is not percent-encoded UTF-8.', { cause });
}

function refusedStatus(error: Error): number | undefined {
  const named = 'status' in error ? error.status : 'statusCode' in error ? error.statusCode : undefined;
  return typeof named === 'number' && named >= 400 && named < 500 ? named : undefined;
}

function codeOf(status: number, error: Error): ErrorCode {
  // So body-parser marks what it could not parse; all else of 400 has no code of its own.
  if ('type' in error && error.type === 'entity.parse.failed') return 'MALFORMED_BODY';
  return codesByStatus.get(status) ?? 'BAD_REQUEST';
}

/** Of a status without a code, only its class is told (RFC 9110, 15). Below 500 only 400 has several codes. */
const codesByStatus: ReadonlyMap<number, ErrorCode> = new Map(
  Object.entries(errorTable).flatMap(([code, { status }]) =>
    isErrorCode(code) && status > 400 && status < 500 ? [[status, code] as const] : [],
  ),
);

function isErrorCode(name: string): name is ErrorCode {
  return Object.hasOwn(errorTable, name);
}

/** Such as the Content-Range of a 416. */
function headersOf(error: Error): Readonly<Record<string, string>> {
  const given: unknown = 'headers' in error ? error.headers : undefined;
  if (typeof given !== 'object' || given === null) return {};
  const entries = Object.entries(given).map(([name, value]): [string, string] => [name, String(value)]);
  return Object.fromEntries(entries);
}
