// Where a syntax error is. Node prints it, but gives it to nobody: for CommonJS it stands in front of the stack, for
// ECMAScript modules nowhere (Node 20 to 26), so they are checked once more, by Node itself.
import { execFile } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { CodeFile, CodeFiles } from './pinned-code.js';

/** ` (line 3, column 7)`, with the file where it is another one; nothing where it cannot be found. */
export async function syntaxLocation(error: Error, path: string, files: CodeFiles): Promise<string> {
  const told = printed(error.stack ?? '');
  if (told !== undefined) return place(told, path);
  for (const file of reachOf(pathToFileURL(path).href, files)) {
    const text = await checked(file.source);
    const found = text.includes(error.message) ? printed(text) : undefined;
    if (found !== undefined) return place({ ...found, file: file.path }, path);
  }
  return '';
}

/** A file, and what it imports. */
function reachOf(url: string, files: CodeFiles): CodeFile[] {
  const reached = new Set([url]);
  for (const one of reached) for (const [, target] of files.get(one)?.imports ?? []) reached.add(target);
  return [...reached].flatMap((one) => files.get(one) ?? []).filter(({ path }) => /\.m?js$/.test(path));
}

interface Location {
  readonly file: string;
  readonly line: number;
  /** Undefined at the end of the file, where something is missing. */
  readonly column: number | undefined;
}

/** `<file>:<line>`, the line itself, and a caret below it; at the end of the file, an empty line in place of that. */
function printed(text: string): Location | undefined {
  const [head = '', ...lines] = text.split('\n');
  const [, file, line] = /^(\S.*):(\d+)$/.exec(head) ?? [];
  const caret = lines.slice(0, 5).find((one) => /^\s*\^+\s*$/.test(one));
  const isAtEnd = lines[1]?.trim() === '' && lines[3]?.startsWith('SyntaxError: ') === true;
  if (file === undefined || (caret === undefined && !isAtEnd)) return undefined;
  const path = file.startsWith('file:') ? fileURLToPath(file) : file;
  return { file: path, line: Number(line), column: caret === undefined ? undefined : caret.indexOf('^') + 1 };
}

function place({ file, line, column }: Location, path: string): string {
  const where = column === undefined ? `line ${line}, the end` : `line ${line}, column ${column}`;
  return ` (${file === path ? '' : `${file}, `}${where})`;
}

/** What Node prints of a module. Read from its stdin, where it need not guess that it is one. */
function checked(source: string): Promise<string> {
  return new Promise((resolve) => {
    const args = ['--check', '--input-type=module', '-'];
    const child = execFile(process.execPath, args, (_error, _stdout, stderr) => resolve(stderr));
    child.stdin?.on('error', () => {}).end(source);
  });
}
