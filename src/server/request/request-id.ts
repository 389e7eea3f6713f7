// The id of a request: the caller's where it is sound, else a new one.
import { randomBytes } from 'node:crypto';
import { soundRequestId } from '../../http/sound-request-id.js';

/**
 * Makes the function that gives each request its id. A new id is a random prefix of this process and a counter:
 * unique without asking the system for randomness on every request.
 */
export function requestIds(): (given: string | string[] | undefined) => string {
  const prefix = randomBytes(9).toString('base64url');
  let count = 0;
  return (given) => soundRequestId(given) ?? `${prefix}.${(++count).toString(36)}`;
}
