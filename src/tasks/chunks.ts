// How the chunks of a stream are written, by the content type of its answer, and how whoever calls from a program reads
// them again. Where they come from is stream.ts.
import { isServerEvent, type ServerEvent, type ServerEventFields, serverEvent } from '../server-event.js';
import type { ReplyOptions } from '../task-reply.js';
import { isBodiless, type ReplyHead, replyHead } from './reply-head.js';
import { declaredSchemas, declaredType, jsonText, type ResultRules } from './result.js';

/** What was yielded, whatever it is written as. */
export type ChunkForm = 'bytes' | 'text' | 'json' | 'text event' | 'json event';

export interface Chunk {
  /** As it is sent. In memory of its own: it may be moved to another thread. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly form: ChunkForm;
}

export interface ChunkWriter {
  readonly contentType: string;
  /** Of a reply that has one of its own. */
  readonly head: ReplyHead | undefined;
  /** @throws TypeError, AppError where it is none that this content type has */
  write(chunk: unknown): Chunk;
}

export const ndjsonType = 'application/x-ndjson';
const eventsType = 'text/event-stream';

const mediaOf = (contentType: string): string => contentType.replace(/;.*$/s, '').trim().toLowerCase();

const isJsonLines = (media: string): boolean => /^application\/(x-)?(ndjson|jsonl|jsonlines)$/.test(media);

export const isEvents = (contentType: string): boolean => mediaOf(contentType) === eventsType;

/**
 * @param first the first chunk, which decides where nothing else says what the content type is
 * @param options what the task's `reply` says
 * @throws TypeError that says what cannot be sent
 */
export function chunkWriter(definition: ResultRules, first: unknown, options?: ReplyOptions): ChunkWriter {
  if (options?.status !== undefined && isBodiless(options.status))
    throw new TypeError(`a reply of status ${options.status} has no body, so it cannot be streamed`);
  const contentType = options?.contentType ?? streamType(definition) ?? typeOf(first);
  const schemas = declaredSchemas(definition);
  const media = mediaOf(contentType);
  const json = (value: unknown): string => jsonText(schemas.length > 0 ? schemas : undefined, value);

  function chunk(text: string, form: ChunkForm): Chunk {
    return { bytes: encoder.encode(text), form };
  }

  function eventChunk({ data, event, id, retry }: ServerEvent, suffix: '' | ' event'): Chunk {
    const isText = typeof data === 'string';
    const text = eventText(isText ? data : json(data), { event, id, retry });
    return chunk(text, `${isText ? 'text' : 'json'}${suffix}`);
  }

  return {
    contentType,
    head: options && replyHead({ ...options, contentType }, 'bytes'),
    write(value) {
      // A copy: it stays the task's, who may fill it again.
      if (value instanceof Uint8Array) return { bytes: new Uint8Array(value), form: 'bytes' };
      if (isJsonLines(media)) return chunk(`${json(value)}\n`, 'json');
      if (media === eventsType)
        return isServerEvent(value) ? eventChunk(value, ' event') : eventChunk(serverEvent(value), '');
      if (typeof value === 'string') return chunk(value, 'text');
      throw new TypeError(`a chunk of ${contentType} must be a string or a Uint8Array`);
    },
  };
}

/** The content type that a task's definition says its stream has. */
export function streamType(definition: ResultRules): string | undefined {
  const declared = declaredType(definition);
  return declared ?? (declaredSchemas(definition).length > 0 ? ndjsonType : undefined);
}

function typeOf(first: unknown): string {
  if (first === undefined || first === null || first instanceof Uint8Array) return 'application/octet-stream';
  if (typeof first === 'string') return 'text/plain; charset=utf-8';
  return isServerEvent(first) ? eventsType : ndjsonType;
}

/** WHATWG HTML, 9.2.6 */
function eventText(data: string, { event, id, retry }: Undefinable<ServerEventFields>): string {
  for (const [name, value] of Object.entries({ event, id }))
    if (value !== undefined && !(typeof value === 'string' && /^[^\r\n\0]*$/.test(value)))
      throw new TypeError(`an event's ${name} must be one line`);
  if (retry !== undefined && !(Number.isInteger(retry) && retry >= 0))
    throw new TypeError(`an event's retry must be a whole number of ms`);
  const fields = Object.entries({ event, id, retry }).filter(([, value]) => value !== undefined);
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `${fields.map(([name, value]) => `${name}: ${value}\n`).join('')}${lines.join('')}\n`;
}

type Undefinable<T> = { readonly [K in keyof T]: T[K] | undefined };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** What was yielded; of JSON what it says. */
export function chunkValue({ bytes, form }: Chunk, contentType: string): unknown {
  if (form === 'bytes') return bytes;
  const text = decoder.decode(bytes);
  if (!isEvents(contentType)) return form === 'json' ? JSON.parse(text) : text;
  const fields = readEvent(text);
  const data: unknown = form.startsWith('json') ? JSON.parse(fields.data) : fields.data;
  if (!form.endsWith('event')) return data;
  const { event, id, retry } = fields;
  return serverEvent(data, {
    ...(event !== undefined && { event }),
    ...(id !== undefined && { id }),
    ...(retry !== undefined && { retry: Number(retry) }),
  });
}

/** One that `eventText` wrote. */
function readEvent(text: string): { data: string; event?: string; id?: string; retry?: string } {
  const lines = text.slice(0, -2).split('\n');
  const fields = lines.map((line) => {
    const colon = line.indexOf(': ');
    return [line.slice(0, colon), line.slice(colon + 2)] as const;
  });
  const data = fields.filter(([name]) => name === 'data').map(([, line]) => line);
  return { ...Object.fromEntries(fields), data: data.join('\n') };
}
