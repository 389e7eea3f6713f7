// What a request prefers, of `Prefer` (RFC 7240): whether it wants to be answered before its call has ended.
import type { IncomingHttpHeaders } from 'node:http';

export interface AsyncWish {
  /** How long it would rather wait for the result, in ms; undefined: not at all. */
  readonly waitMs: number | undefined;
}

const longestWaitSeconds = 3_600;

/** Undefined where it does not say `respond-async`. What is not understood is passed over, as the RFC has it. */
export function asyncWish({ prefer }: IncomingHttpHeaders): AsyncWish | undefined {
  if (prefer === undefined) return undefined;
  const preferences = new Map<string, string>();
  for (const one of [prefer].flat().join(',').split(',')) {
    const [preference = ''] = one.split(';', 1);
    const [name = '', value = ''] = preference.split('=', 2).map((part) => part.trim());
    // The first one counts.
    const key = name.toLowerCase();
    if (!preferences.has(key)) preferences.set(key, value.replace(/^"(.*)"$/, '$1'));
  }
  if (!preferences.has('respond-async')) return undefined;
  const wait = preferences.get('wait') ?? '';
  if (!/^\d{1,6}$/.test(wait) || Number(wait) === 0) return { waitMs: undefined };
  return { waitMs: Math.min(Number(wait), longestWaitSeconds) * 1_000 };
}
