// What a program that serves (library/serve.ts) and the primary that it started say to each other.

/** Nothing is answered before `hello`: others start the primary with a channel, too (PM2, nodemon). */
export type FromParent =
  | { readonly millrace: 'hello' }
  | { readonly millrace: 'reload'; readonly id: number }
  | { readonly millrace: 'close' };

export interface Listening {
  /** `unix:/path` where it is a socket file. */
  readonly url: string;
  /** The path of the socket file; null: it is an address. */
  readonly socket: string | null;
  /** Null: there is no admin server. */
  readonly adminUrl: string | null;
  readonly pid: number;
}

export type ToParent =
  | ({ readonly millrace: 'listening' } & Listening)
  /** `reason`: why it was aborted, or could not begin; null: completed. */
  | { readonly millrace: 'reloaded'; readonly id: number; readonly reason: string | null };

export function isFromParent(message: unknown): message is FromParent {
  return kindOf(message, ['hello', 'reload', 'close']);
}

export function isToParent(message: unknown): message is ToParent {
  return kindOf(message, ['listening', 'reloaded']);
}

function kindOf(message: unknown, kinds: readonly string[]): boolean {
  if (typeof message !== 'object' || message === null || !('millrace' in message)) return false;
  return typeof message.millrace === 'string' && kinds.includes(message.millrace);
}
