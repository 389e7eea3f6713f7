// Node's parser and timeout errors → what the client is told. How it is told is refusal.ts.
import { AppError } from '../errors.js';

/** The refusal for an error of Node's `clientError`; undefined where the connection itself is gone. */
export function refusalFor(error: Error): AppError | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new AppError('REQUEST_TIMEOUT', 'The request came too slowly.', { cause: error });
  if (code === 'HPE_HEADER_OVERFLOW')
    return new AppError('HEADERS_TOO_LARGE', 'The request line and headers are too large.', { cause: error });
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return new AppError('BODY_TOO_LARGE', 'The chunk extensions are too large.', { cause: error });
  if (code.startsWith('HPE_'))
    return new AppError('BAD_REQUEST', 'This is no sound HTTP/1.1 request.', { cause: error });
  return undefined;
}
