// What all password hashes share.
import type { EncodedData } from './data.js';

/** Salts of 16 bytes: RFC 9106 section 3.1 recommends them for password hashing. */
export const saltBytes = 16;

export interface Password extends EncodedData {
  readonly data: string;
}
