import { expect, it } from 'vitest';
import { traceIdOf } from '#src/server/request/traceparent.js';

const id = '0af7651916cd43dd8448eb211c80319c';
const parent = 'b7ad6b7169203331';

it.each([
  [`00-${id}-${parent}-01`, id],
  [`cc-${id}-${parent}-01`, id],
  [`cc-${id}-${parent}-01-what-the-future-brings`, id],
  [`00-${id}-${parent}-01-more`, undefined],
  [`ff-${id}-${parent}-01`, undefined],
  [`00-${'0'.repeat(32)}-${parent}-01`, undefined],
  [`00-${id}-${'0'.repeat(16)}-01`, undefined],
  [`00-${id.toUpperCase()}-${parent}-01`, undefined],
  [`00-${id}-${parent}`, undefined],
  ['', undefined],
  [undefined, undefined],
])('the trace id of %s is %s', (header, expected) => {
  expect(traceIdOf(header)).toBe(expected);
});
