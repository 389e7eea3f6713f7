// millrace init DIR: writes a small project that runs: an app, a task, a test. Never into a folder that holds anything.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { millraceVersion } from '../version.js';
import { CommandError } from './failure.js';
import { packageTask } from './task-template.js';

/** @returns what to tell the user */
export async function init(folder: string): Promise<string> {
  const root = resolve(folder);
  const found = await readdir(root).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    throw new CommandError(`${root} cannot be read (${cause.code})`, { cause });
  });
  if (found.length > 0) throw new CommandError(`${root} is not empty: it holds ${found[0]}`);
  const files = projectFiles(packageName(basename(root)));
  try {
    for (const [name, text] of Object.entries(files)) {
      const file = join(root, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text, { flag: 'wx' });
    }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : cause;
    throw new CommandError(`${root} cannot be written (${code})`, { cause });
  }
  const place = relative(process.cwd(), root);
  return [
    `${root} is there: ${Object.keys(files).join(', ')}.`,
    '',
    ...(place === '' ? [] : [`  cd ${/^[\w./-]+$/.test(place) ? place : JSON.stringify(place)}`]),
    '  npm install',
    '  npm test',
    '  npm start',
  ].join('\n');
}

/** One that npm takes. */
function packageName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z\d._-]+/g, '-')
    .replace(/^[._-]+|-+$/g, '');
  return name === '' || name === 'millrace' ? 'my-app' : name;
}

function projectFiles(name: string): Readonly<Record<string, string>> {
  const manifest = {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    engines: { node: '>=20.19' },
    // `exec`: a signal to npm reaches the server, and not a shell between them.
    scripts: { start: 'exec millrace ./app.js', check: 'millrace check --app ./app.js', test: 'node --test' },
    dependencies: { millrace: `^${millraceVersion()}`, zod: '^4.1.0' },
  };
  return {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'app.js': app,
    'tasks/wordcount.js': packageTask('tasks/wordcount.js', '/wordcount'),
    'test/app.test.js': test,
    'README.md': readme(name),
    '.gitignore': 'node_modules/\n*.log\n',
  };
}

const app = `// Runs once in each server process. Light routes are here; CPU-bound work is a file in tasks/.
import { defineApp } from 'millrace';
import wordcount from './tasks/wordcount.js';

export default defineApp(({ app, call }) => {
  app.get('/', (_req, res) => {
    res.type('text').send('hello');
  });
  app.get('/long', async (req, res) => {
    const { words } = await call(wordcount, { text: String(req.query.text ?? '') }, { req });
    res.json({ long: words > 100 });
  });
});
`;

const test = `import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testServer } from 'millrace/testing';

let server;
before(async () => {
  server = await testServer({ app: new URL('../app.js', import.meta.url) });
});
after(() => server.close());

test('the app answers', async () => {
  const answer = await fetch(\`\${server.url}/long?text=to+be\`);
  assert.deepEqual(await answer.json(), { long: false });
});

test('the task counts words', async () => {
  assert.deepEqual(await server.call('wordcount', { text: 'to be or not to be' }), { words: 6 });
});
`;

function readme(name: string): string {
  return `# ${name}

\`\`\`sh
npm install
npm test
npm start        # http://127.0.0.1:3000, the API at /docs, the dashboard at http://127.0.0.1:3001
\`\`\`

Light routes are in \`app.js\`. Each file in \`tasks/\` is a CPU-bound route: \`npx millrace new-task NAME\` writes one.
`;
}
