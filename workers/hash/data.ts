// The bytes that a caller means: text in one of three encodings, checked strictly, or raw bytes as they came.
export const inputEncodings = ['utf8', 'hex', 'base64'] as const;
export type InputEncoding = (typeof inputEncodings)[number];

export interface EncodedData {
  readonly data: string | Uint8Array;
  readonly inputEncoding: InputEncoding;
}

/** The bytes behind `data`; for input that passed `checkData`. */
export function decodeData({ data, inputEncoding }: EncodedData): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, inputEncoding) : data;
}

/** How many bytes `decodeData` gives, at most: without decoding, since it is asked for every call. */
export function dataBytes({ data, inputEncoding }: EncodedData): number {
  if (typeof data !== 'string') return data.byteLength;
  return inputEncoding === 'utf8' ? Buffer.byteLength(data) : data.length / 2;
}

/** Why `data` does not fit its encoding. Node's decoders skip what they do not know; this refuses it. */
export function dataProblem({ data: text, inputEncoding }: EncodedData): string | undefined {
  if (typeof text !== 'string') return undefined;
  switch (inputEncoding) {
    case 'utf8':
      // A lone surrogate has no UTF-8 form: it would become U+FFFD, and different data would hash alike.
      return /\p{Surrogate}/u.test(text) ? 'holds a lone surrogate, which has no UTF-8 form' : undefined;
    case 'hex':
      return Buffer.from(text, 'hex').toString('hex') === text.toLowerCase()
        ? undefined
        : 'is not hexadecimal: an even number of digits 0-9, a-f';
    case 'base64':
      return Buffer.from(text, 'base64').toString('base64') === text
        ? undefined
        : 'is not base64: A-Z, a-z, 0-9, + and /, padded with = to a multiple of four, without unused bits set';
  }
}
