import { expect, test } from 'vitest';
import { explain } from '../../bench/soak/losses.js';

const deaths = [{ atMs: 10_000 }];
const loss = (startedMs: number, endedMs: number, broke = true) => ({
  what: 'GET /',
  broke,
  startedMs,
  endedMs,
});

test.each([
  ['a connection that broke with the process', loss(9_000, 10_010), 1],
  ['one that was found dead right after', loss(10_900, 10_950), 1],
  ['one whose break was felt before the death was told', loss(9_000, 9_500), 1],
  ['one that began long after the death', loss(11_100, 11_200), 0],
  ['one that broke long before it', loss(7_000, 8_900), 0],
  ['one that broke long after it', loss(9_000, 11_100), 0],
  ['an answer, or none at all', loss(9_000, 10_010, false), 0],
])('a death of a server process explains %s: %j, %i', (_, lost, explained) => {
  expect(explain([lost], deaths, 18)).toEqual({
    lostToDeaths: explained,
    unexplained: new Map(explained === 1 ? [] : [['GET /', 1]]),
  });
});

test('a death explains no more losses than there are clients', () => {
  const losses = Array.from({ length: 5 }, () => loss(9_000, 10_010));
  expect(explain(losses, deaths, 3)).toEqual({ lostToDeaths: 3, unexplained: new Map([['GET /', 2]]) });
  expect(explain(losses, [...deaths, { atMs: 10_100 }], 3).lostToDeaths).toBe(5);
});
