import { expect, test } from 'vitest';
import { interleave } from '../../bench/rounds.js';

const variants = ['a', 'b'].map((name) => ({ name, label: name }));

test.each([
  { alternate: false, order: 'abab' },
  { alternate: true, order: 'abba' },
])(
  'every variant is measured once a round; in turn from both ends: $alternate',
  async ({ alternate, order }) => {
    const said: string[] = [];
    const options = { rounds: 2, variants, alternate, say: () => undefined };
    const results = await interleave(options, async ({ name }, round) => {
      said.push(name);
      return { round, by: name };
    });
    expect(said.join('')).toBe(order);
    expect(results.a).toEqual({ label: 'a', values: { round: [0, 1] }, notes: { by: ['a', 'a'] } });
  },
);
