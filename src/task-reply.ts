// What a task's `run` may return in place of a plain result: a body with a status, headers or a content type of its
// own. What is checked of it, and how it is sent, is tasks/reply-head.ts.

export interface ReplyOptions {
  /** From 200 to 299. Default: 200; with 204 and 205 the body must be null, undefined or empty. */
  readonly status?: number;
  /** Further header fields. None of those that frame the message or that are the server's own. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * Where it is known only afterwards: a string or bytes are then sent as they are, anything else as JSON. Default: as
   * `output` has it.
   */
  readonly contentType?: string;
}

/** Found by this, whichever copy of the package made it. */
const replyKey = Symbol.for('millrace.reply');

export interface TaskReply<Body = unknown> {
  readonly [replyKey]: ReplyOptions;
  readonly body: Body;
}

/** The answer of a call's own route; who calls the task from a program gets the body alone. */
export function reply<Body>(body: Body, options: ReplyOptions = {}): TaskReply<Body> {
  return { [replyKey]: options, body };
}

/** The options of what `run` returned; undefined where that is a plain result. */
export function replyOptions(value: unknown): ReplyOptions | undefined {
  return isReply(value) ? value[replyKey] : undefined;
}

export function isReply(value: unknown): value is TaskReply {
  return typeof value === 'object' && value !== null && replyKey in value;
}
