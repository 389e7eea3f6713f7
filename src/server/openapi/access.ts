// What callers must show and how much they may use, as the settings have it: API keys and quotas.
import type { Node } from './components.js';
import type { AnswerHeader } from './headers.js';

export interface Access {
  /** API keys are asked for. */
  readonly keyed: boolean;
  /** Clients have a quota of CPU time. */
  readonly quota: boolean;
  /** A call can become a job. */
  readonly jobs?: boolean;
}

/** Two ways to show a key. */
export const securitySchemes: Node = {
  bearer: { type: 'http', scheme: 'bearer', description: 'An API key as a bearer token.' },
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Api-Key',
    description: 'An API key in a header of its own.',
  },
};

/** A part of every operation that asks for a key. */
export function securityOf({ keyed }: Access): Node {
  return keyed ? { security: Object.keys(securitySchemes).map((name) => ({ [name]: [] })) } : {};
}

/** What tells a client of its quota, on what a call answers and on a refusal for that. */
export const quotaHeaders: readonly AnswerHeader[] = ['RateLimit-Policy', 'RateLimit'];
