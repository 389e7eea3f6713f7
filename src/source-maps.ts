// Stacks name the sources, in processes and threads. Node's own way reads a map for every module as it is loaded: 4 MiB
// a process, 0.8 to 3.4 MiB and 8 to 20 ms a thread (Node 20). Here a file's map is read when a stack with that file in
// it is looked at.
import { readFileSync, statSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Unless Node was told to do so itself. @param isAsLoaded whether what lies on disk is what was loaded */
export function nameSources(isAsLoaded = (): boolean => true): void {
  if (process.execArgv.includes('--enable-source-maps') || sourceMapsAreOn()) return;
  const maps = new Map<string, FileMap | undefined>();
  const sinceMs = Date.now();

  function mapOf(file: string): FileMap | undefined {
    if (!maps.has(file)) maps.set(file, readMap(file, sinceMs));
    return maps.get(file);
  }

  /** `run (file:///…/dist/a.js:1:2)` → `run (/…/a.ts:3:4)` */
  function named(frame: string): string {
    const [whole, file = '', line, column] = /((?:file:\/\/)?\/[^()]*):(\d+):(\d+)(?=\)?$)/.exec(frame) ?? [];
    if (whole === undefined || !isAsLoaded()) return frame;
    const place = mapOf(file)?.(Number(line), Number(column));
    return place === undefined ? frame : frame.replace(whole, () => place);
  }

  Error.prepareStackTrace = (error, frames) =>
    [headOf(error), ...frames.map((frame) => `    at ${named(String(frame))}`)].join('\n');
}

/** The place in the source, as a stack names it. */
type FileMap = (line: number, column: number) => string | undefined;

function sourceMapsAreOn(): boolean {
  return Reflect.get(process, 'sourceMapsEnabled') === true;
}

/** What has no map, or none that can be read, is named as it is; so is what was written after it may have been loaded. */
function readMap(file: string, sinceMs: number): FileMap | undefined {
  try {
    const url = file.startsWith('file:') ? new URL(file) : pathToFileURL(file);
    if (statSync(url).ctimeMs > sinceMs) return undefined;
    const [, link] = /\/\/# sourceMappingURL=(\S+)\s*$/.exec(readFileSync(url, 'utf8')) ?? [];
    if (link === undefined) return undefined;
    const at = new URL(link, url);
    const map = new SourceMap(JSON.parse(textAt(at)));
    const base = at.protocol === 'data:' ? url : at;
    return (line, column) => {
      const entry = map.findEntry(line - 1, column - 1);
      if (!('originalSource' in entry)) return undefined;
      const source = new URL(entry.originalSource, base);
      return `${fileURLToPath(source)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    };
  } catch {
    return undefined;
  }
}

function textAt(url: URL): string {
  if (url.protocol !== 'data:') return readFileSync(url, 'utf8');
  const [, encoding, data = ''] = /^data:[^,]*?(;base64)?,(.*)$/s.exec(url.href) ?? [];
  return encoding === undefined ? decodeURIComponent(data) : Buffer.from(data, 'base64').toString();
}

function headOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'Error';
  }
}
