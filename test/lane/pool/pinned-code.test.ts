// The code of the threads of one server process, whatever becomes of the files.
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listeningLog } from '../../support/app.js';
import { createLatch, outcome, startLane } from '../../support/lane.js';
import { taskFolder } from '../../support/task-folder.js';

/** Waits at the latch, so that as many threads are needed as there are calls; then tells what it is made of. */
const run = `run({ memory }) {
    const ints = new Int32Array(memory);
    Atomics.add(ints, 0, 1);
    Atomics.notify(ints, 0);
    while (Atomics.load(ints, 1) === 0) Atomics.wait(ints, 1, 0);
    return { answer: 'WORD', helper: word, deep, legacy: legacy.word, plain, data: data.word };
  },`;

/** A task, ESM and CommonJS, and everything it imports, with one word throughout. */
function files(word: string): Record<string, string> {
  return {
    'modern.mjs': `import { z } from 'zod';
import { word, deep } from './lib/helper.mjs?v=1';
import legacy from './_legacy.cjs';
import data from './_data.json' with { type: 'json' };
const { plain } = legacy;
export default { input: z.any(), ${run.replace('WORD', word)} };`,
    'classic.cjs': `const { z } = require('zod');
const legacy = require('./_legacy.cjs');
const data = require('./_data');
const { plain } = legacy;
const [word, deep] = [legacy.word, legacy.word];
module.exports = { input: z.any(), ${run.replace('WORD', word)} };`,
    'lib/helper.mjs': `export { word as deep } from './deep.js'; export const word = '${word}';`,
    'lib/deep.js': `export const word = '${word}';`,
    '_legacy.cjs': `exports.word = '${word}'; exports.plain = require('./_plain');`,
    '_plain.js': `module.exports = '${word}';`,
    '_data.json': `{ "word": "${word}" }`,
    'lib/package.json': '{ "type": "module" }',
    'package.json': '{ "type": "commonjs" }',
  };
}

function write(folder: string, content: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, 'lib'), { recursive: true });
  for (const [name, text] of Object.entries(content)) writeFileSync(join(folder, name), text);
}

const sameWord = (word: string) => ({
  answer: word,
  helper: word,
  deep: word,
  legacy: word,
  plain: word,
  data: word,
});

const damages: Readonly<Record<string, (folder: string) => void>> = {
  'changed, all of them': (folder) => write(folder, files('new')),
  'changed, a helper of a helper alone': (folder) =>
    write(folder, { 'lib/deep.js': "export const word = 'new';", '_plain.js': "module.exports = 'new';" }),
  'a helper without the field': (folder) =>
    write(folder, { 'lib/helper.mjs': 'export const wort = 1;', '_legacy.cjs': 'exports.wort = 1;' }),
  'broken by a syntax error': (folder) =>
    write(folder, { 'modern.mjs': 'export default {', 'classic.cjs': 'module.exports = {' }),
  'other data': (folder) => write(folder, { '_data.json': '{ "word": "new" }' }),
  deleted: (folder) => rmSync(folder, { recursive: true }),
  'put in the place of others': (folder) => {
    renameSync(folder, `${folder}.before`);
    write(folder, files('new'));
    onTestFinished(() => rmSync(`${folder}.before`, { recursive: true }));
  },
};

describe('threads that start later run the code of those that were there, with files that are', () => {
  it.each(Object.keys(damages))('%s', async (damage) => {
    using folder = taskFolder();
    write(folder.path, files('old'));
    const { call, lane } = await startLane({ poolMaxThreads: 4 }, undefined, { folders: [folder.path] });
    damages[damage]?.(folder.path);
    for (const task of ['modern', 'classic']) {
      const latch = createLatch();
      const calls = Array.from({ length: 4 }, () => outcome(call(task, { memory: latch.memory })));
      await latch.begun(4);
      expect(lane.status().threads.busy).toBe(4);
      latch.open(1);
      expect(await Promise.all(calls)).toEqual(calls.map(() => sameWord('old')));
    }
  });

  it('behind a link that leads elsewhere now', async () => {
    using folder = taskFolder();
    for (const release of ['old', 'new']) write(join(folder.path, release), files(release));
    const link = join(folder.path, 'current');
    symlinkSync('old', link);
    const { call } = await startLane({ poolMaxThreads: 3 }, undefined, { folders: [link] });
    rmSync(link);
    symlinkSync('new', link);
    const latch = createLatch();
    const calls = Array.from({ length: 3 }, () => outcome(call('modern', { memory: latch.memory })));
    await latch.begun(3);
    latch.open(1);
    expect(await Promise.all(calls)).toEqual(calls.map(() => sameWord('old')));
  });
});

/** What happens to the files while a thread loads them, by that thread itself. */
const changes: Readonly<Record<string, string>> = {
  'written again': "writeFileSync(helper, readFileSync(helper) + ' ');",
  'half written when it is read': "writeFileSync(helper, 'export const');",
};

describe('a thread whose files change while it is being loaded', () => {
  it.each(Object.keys(changes))(
    'is given no call, and replaced by one with the code that was kept: %s',
    async (change) => {
      using folder = taskFolder();
      folder.write('_helper', "export const word = 'old';");
      folder.write(
        'mine',
        `import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
const helper = new URL('./_helper.js', import.meta.url);
if (process.env.CHANGE_CODE === '1') { ${changes[change]} }
const { word } = await import('./_helper.js');
const [deep, legacy, plain, data] = [word, { word }, word, { word }];
export default { input: z.any(), ${run.replace('WORD', 'old')} };`,
      );
      const { log, lines } = listeningLog();
      const { call } = await startLane({ poolMaxThreads: 4 }, log, { folders: [folder.path] });
      process.env.CHANGE_CODE = '1';
      onTestFinished(() => void delete process.env.CHANGE_CODE);
      const latch = createLatch();
      const calls = Array.from({ length: 4 }, () => outcome(call('mine', { memory: latch.memory })));
      await latch.begun(4);
      latch.open(1);
      expect(await Promise.all(calls)).toEqual(calls.map(() => sameWord('old')));
      const told = lines.filter(({ msg }) => msg !== 'a thread is started again');
      expect(told).toEqual([]);
      expect(lines).toContainEqual(
        expect.objectContaining({
          reason: expect.stringContaining('_helper.js has changed while a thread was'),
        }),
      );
    },
  );
});
