// The status and headers of a task's reply: what may be said there, and what is the server's or the connection's alone.
import type { ReplyOptions } from '../task-reply.js';

export type BodyForm = 'json' | 'text' | 'bytes';

export interface ReplyHead {
  readonly status: number;
  /** name, value, name, value */
  readonly headers: readonly string[];
  /** What the body was before it was encoded, whatever its content type: `json` is any value. */
  readonly form: BodyForm;
}

const mostBytes = 8_192;
/** RFC 9110, 5.1 and 5.5; beyond Latin-1 Node would refuse it. */
const soundName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const soundValue = /^[\t\x20-\x7e\x80-\xff]*$/;
export const soundContentType = /^[\w.+-]+\/[\w.+-]+(?:;[ -~]*)?$/;

/** What frames the message or belongs to this connection, and what the server says of itself, of origins and of access. */
const notTheTasks = new RegExp(
  `^(?:${[
    'connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|content-type|date|server|via',
    'x-request-id|server-timing|retry-after|ratelimit.*|access-control-.*|vary|www-authenticate',
    'strict-transport-security|content-security-policy.*|x-content-type-options|x-frame-options',
  ].join('|')})$`,
  'i',
);

/** @throws TypeError that says what cannot be sent */
export function replyHead(
  { status = 200, headers = {}, contentType }: ReplyOptions,
  form: BodyForm,
): ReplyHead {
  if (!Number.isInteger(status) || status < 200 || status > 299)
    throw new TypeError(`a reply's status must be from 200 to 299, not ${String(status)}`);
  if (contentType !== undefined && !(typeof contentType === 'string' && soundContentType.test(contentType)))
    throw new TypeError(`a reply's content type must be a media type`);
  const list: string[] = [];
  let bytes = 0;
  for (const [name, given] of Object.entries(headers)) {
    if (!soundName.test(name)) throw new TypeError(`a reply's header has no sound name`);
    if (notTheTasks.test(name)) throw new TypeError(`a reply may not set the header ${name}`);
    for (const value of [given].flat()) {
      if (typeof value !== 'string' || !soundValue.test(value))
        throw new TypeError(`a reply's header ${name} has no sound value`);
      bytes += name.length + value.length + 4;
      list.push(name, value);
    }
  }
  if (bytes > mostBytes) throw new TypeError(`a reply's headers are larger than ${mostBytes} bytes`);
  return { status, headers: list, form };
}

/** Whether the reply says this header itself. @param name in lower case */
export const replySays = ({ headers }: Pick<ReplyHead, 'headers'>, name: string): boolean =>
  headers.some((one, i) => i % 2 === 0 && one.toLowerCase() === name);

/** RFC 9110, 15.3.5 and 15.3.6 */
export const isBodiless = (status: number): boolean => status === 204 || status === 205;
