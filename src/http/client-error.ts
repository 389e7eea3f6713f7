// Node's parser and timeout errors → what the client is told. How it is told is refusal.ts.
import { AppError } from '../errors.js';

/** The refusal for an error of Node's `clientError`; undefined where the connection itself is gone. */
export function refusalFor(error: Error): AppError | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return refusals.get(code) ?? (code.startsWith('HPE_') ? unsound : undefined);
}

/** Made once: thousands of slow connections may be due at the same moment. */
const refusals: ReadonlyMap<string, AppError> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', new AppError('REQUEST_TIMEOUT', 'The request came too slowly.')],
  [
    'HPE_HEADER_OVERFLOW',
    new AppError('HEADERS_TOO_LARGE', 'The request line and the headers are too large.'),
  ],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', new AppError('BODY_TOO_LARGE', 'The chunk extensions are too large.')],
]);

const unsound = new AppError('BAD_REQUEST', 'This is no sound HTTP/1.1 request.');
