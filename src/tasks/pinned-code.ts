// The code that the threads of this server process run: read when the process starts, so that a thread that starts
// much later runs the same, whatever has happened to the files since. How a thread uses it is thread-boot.ts.
// It is found by the literal specifiers in the text of each file, from a task's file on: relative ones, and those that
// lead to a file outside of node_modules (a package of the same repository). Installed packages are not kept: they
// are large, and nobody edits them.
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { basename, dirname, extname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Fingerprint, fingerprint } from './fingerprints.js';

/** A file of code as it was when it was read. */
export interface CodeFile {
  readonly url: string;
  readonly path: string;
  readonly source: string;
  /** Of its own path, and of the links by which others reach it. */
  readonly prints: Fingerprint[];
  /** What it imports, as far as it is kept too. */
  readonly imports: (readonly [specifier: string, url: string])[];
  /** By which of the two it was found first. */
  readonly foundBy: ImportKind;
}

/** Kept for the threads. */
export interface PinnedCode {
  readonly prints: readonly Fingerprint[];
  /** JSON of PinnedModules. Shared, so that a thread has no copy; it is read only where a file has changed. */
  readonly memory: SharedArrayBuffer;
}

export interface PinnedModules {
  /** By URL. */
  readonly modules: readonly (readonly [
    url: string,
    module: { readonly format: string; readonly source: string },
  ])[];
  /** Where a specifier leads to, by `<URL of the importer> <specifier>`. */
  readonly imports: readonly (readonly [from: string, url: string])[];
}

type ImportKind = 'import' | 'require';

/** Files by URL. */
export type CodeFiles = Map<string, CodeFile>;

const literalImport = /\b(from|import|require)\s*\(?\s*(['"`])([^'"`\n]+)\2/g;

/**
 * Adds a file and all that it imports.
 * @param path a real path: links are followed by the caller
 */
export function addCode(files: CodeFiles, path: string, foundBy: ImportKind = 'import'): void {
  const url = pathToFileURL(path).href;
  if (files.has(url) || !/\.(?:[cm]?[jt]s|json)$/.test(path)) return;
  const read = readCode(path);
  if (read === undefined) return;
  const file: CodeFile = { url, path, ...read, imports: [], foundBy };
  files.set(url, file);
  if (extname(path) === '.json') return;
  for (const [, word, , specifier = ''] of file.source.matchAll(literalImport)) {
    const kind = word === 'require' ? word : 'import';
    const found = resolveLiteral(specifier, path, kind);
    if (found === undefined) continue;
    addCode(files, found.path, kind);
    const target = files.get(pathToFileURL(found.path).href);
    if (target === undefined) continue;
    file.imports.push([specifier, `${target.url}${found.query}`]);
    if (found.link !== undefined) target.prints.push(found.link);
  }
}

/** Undefined for what cannot be read: whoever imports it will say so. */
function readCode(path: string): Pick<CodeFile, 'source' | 'prints'> | undefined {
  try {
    const print = fingerprint(path);
    return print && { source: readFileSync(path, 'utf8'), prints: [print] };
  } catch {
    return undefined;
  }
}

interface Found {
  readonly path: string;
  readonly query: string;
  /** Of the path that leads there by a link. */
  readonly link: Fingerprint | undefined;
}

function resolveLiteral(specifier: string, from: string, kind: ImportKind): Found | undefined {
  if (isBuiltin(specifier)) return undefined;
  try {
    if (kind === 'import' && /^\.{0,2}\//.test(specifier)) {
      const url = new URL(specifier, pathToFileURL(from));
      const named = fileURLToPath(url);
      const path = realpathSync(named);
      const link = path === named ? undefined : fingerprint(named);
      return statSync(path).isFile() ? { path, query: url.search + url.hash, link } : undefined;
    }
    const path = realpathSync(createRequire(from).resolve(specifier));
    const isInstalled = !specifier.startsWith('.') && path.includes(`${sep}node_modules${sep}`);
    return isInstalled ? undefined : { path, query: '', link: undefined };
  } catch {
    return undefined;
  }
}

/** @param files that have been imported meanwhile: what has been required tells which are CommonJS */
export function pinCode(files: Iterable<CodeFile>): PinnedCode {
  const { cache } = createRequire(import.meta.url);
  const all = [...files];
  const pinned: PinnedModules = {
    modules: all.map((file) => [
      file.url,
      { format: formatOf(file, file.path in cache), source: file.source },
    ]),
    imports: all.flatMap(({ url, imports }) =>
      imports.map(([specifier, target]) => [`${url} ${specifier}`, target] as const),
    ),
  };
  const text = JSON.stringify(pinned);
  const memory = new SharedArrayBuffer(Buffer.byteLength(text));
  Buffer.from(memory).write(text);
  return { prints: all.flatMap(({ prints }) => prints), memory };
}

/** As Node names it. */
function formatOf({ path, foundBy }: CodeFile, wasRequired: boolean): string {
  const [, flavour, language] = /\.([cm]?)([jt]s|json)$/.exec(path) ?? [];
  if (language === 'json') return language;
  const isModule =
    flavour === '' ? (isModuleByType(path) ?? !(wasRequired || foundBy === 'require')) : flavour === 'm';
  return `${isModule ? 'module' : 'commonjs'}${language === 'ts' ? '-typescript' : ''}`;
}

/** What the package.json above says; undefined where there is none, or it leaves it to the syntax. */
function isModuleByType(path: string): boolean | undefined {
  for (let folder = dirname(path); basename(folder) !== 'node_modules'; folder = dirname(folder)) {
    try {
      const { type }: { type?: unknown } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      return type === undefined ? undefined : type === 'module';
    } catch {
      if (dirname(folder) === folder) return undefined;
    }
  }
  return undefined;
}
