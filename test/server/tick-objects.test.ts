// A process of its own with V8's natives: they alone say what the feedback of Node's nextTick has seen.
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** @returns what the feedback of each property of nextTick's literal has come to, after full collections that met no tick */
function feedbackOf(before: string): string[] {
  const script = `
    const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
    const tick = () => new Promise((resolve) => process.nextTick(resolve));
    const ticks = async () => { for (let i = 0; i < 100; i++) await tick(); };
    ${before}
    await ticks();
    for (let i = 0; i < 3; i++) { await turn(); gc(); }
    await turn();
    await ticks();
    eval('%DebugPrint(process.nextTick)');`;
  const args = ['--expose-gc', '--allow-natives-syntax', '--input-type=module', '-e', script];
  const printed = execFileSync(process.execPath, args, { encoding: 'utf8', env: {} });
  return [...printed.matchAll(/slot #\d+ DefineKeyedOwnPropertyInLiteral (\w+)/g)].map(
    ([, state = '']) => state,
  );
}

const keep = `
  const { keepTickObject } = await import(${JSON.stringify(new URL('../../dist/src/server/tick-objects.js', import.meta.url))});
  keepTickObject();`;

test('ticks of a server process are made in one way, whatever its garbage collections meet', ({ skip }) => {
  const without = feedbackOf('');
  if (!without.includes('MEGAMORPHIC')) {
    console.log(
      `skipped: this Node's nextTick does not forget its shape (${process.version}: ${without.join(' ')})`,
    );
    skip();
  }
  const kept = feedbackOf(keep);
  expect(kept.length).toBe(without.length);
  expect(new Set(kept)).toEqual(new Set(['MONOMORPHIC']));
});
