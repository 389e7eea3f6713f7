import { describe, expect, it } from 'vitest';
import { createStartQueue } from '#src/lane/pool/start-queue.js';

interface Start {
  readonly name: string;
}

function queueOf(...names: string[]) {
  const starts = createStartQueue<Start, string>();
  for (const name of names) starts.startFor(name, () => starts.push({ name }));
  return starts;
}

const [slow, quick] = [
  { id: 1, currentUsage: 0 },
  { id: 2, currentUsage: 0 },
];

describe('the starts that wait', () => {
  it('are given to the thread that is ready, one, though another one was there before it', () => {
    const starts = queueOf('a', 'b');
    expect(starts.taker([slow, quick])).toBeNull();
    expect(starts.size).toBe(0);
    starts.grant(quick.id);
    expect(starts.size).toBe(1);
    expect(starts.taker([slow, quick])).toBe(quick);
    expect(starts.shift()).toEqual({ name: 'a' });
    expect(starts.size).toBe(0);
  });

  it('are not given to a thread that has its own', () => {
    const starts = queueOf('a');
    starts.grant(quick.id);
    expect(starts.taker([slow, { ...quick, currentUsage: 1 }])).toBeNull();
  });

  it('are taken out by whoever has waited longest, where a thread never came', () => {
    const starts = queueOf('a', 'b');
    expect(starts.withdraw()).toBe('a');
    starts.withdrawOf('b');
    expect(starts.withdraw()).toBeUndefined();
  });
});
