// The key by which a client says that two requests are one (draft-ietf-httpapi-idempotency-key-header), and what tells two
// requests apart.
import { createHash, webcrypto } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../errors.js';
import type { JobInput } from '../../jobs/job.js';

/** A structured field's string, as the draft has it, or the bare text, as nearly everybody sends it. */
const form = /^(?:"([ !#-[\]-~]{1,255})"|([!#-[\]-~]{1,255}))$/;

/** @throws AppError BAD_REQUEST */
export function idempotencyKey(headers: IncomingHttpHeaders): string | undefined {
  const header = headers['idempotency-key'];
  if (header === undefined) return undefined;
  const [, quoted, bare] = form.exec(String(header)) ?? [];
  const key = quoted ?? bare;
  if (key === undefined)
    throw new AppError(
      'BAD_REQUEST',
      'Idempotency-Key must be 1 to 255 printable ASCII characters, perhaps in quotes.',
    );
  return key;
}

/** Beyond this a body is not read through on the event loop. */
const largestOnLoopBytes = 65_536;

/** The same for the same request. */
export async function fingerprintOf({ kind, contentType, query, body }: JobInput): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([kind, contentType, Object.entries(query).sort()]));
  if (body.length <= largestOnLoopBytes) return hash.update(body).digest('base64url');
  const digest = await webcrypto.subtle.digest('SHA-256', body);
  return hash.update(new Uint8Array(digest)).digest('base64url');
}
