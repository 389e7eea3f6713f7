import { expect, it } from 'vitest';
import { asyncWish } from '#src/server/request/prefer.js';

it.each([
  [undefined, undefined],
  ['', undefined],
  ['return=minimal', undefined],
  ['wait=5', undefined],
  ['x-respond-async', undefined],
  ['respond-async', { waitMs: undefined }],
  ['Respond-Async', { waitMs: undefined }],
  ['respond-async; foo="a"', { waitMs: undefined }],
  ['respond-async, wait=10', { waitMs: 10_000 }],
  ['wait=10,respond-async', { waitMs: 10_000 }],
  ['respond-async, WAIT = "2"', { waitMs: 2_000 }],
  ['return=minimal, respond-async, wait=3, wait=9', { waitMs: 3_000 }],
  // What makes no sense is passed over.
  ['respond-async, wait=0', { waitMs: undefined }],
  ['respond-async, wait=-1', { waitMs: undefined }],
  ['respond-async, wait=1.5', { waitMs: undefined }],
  ['respond-async, wait=soon', { waitMs: undefined }],
  ['respond-async, wait=999999', { waitMs: 3_600_000 }],
])('Prefer: %s', (prefer, wish) => {
  expect(asyncWish(prefer === undefined ? {} : { prefer })).toEqual(wish);
});
