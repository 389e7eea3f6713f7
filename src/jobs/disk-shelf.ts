// The shelf on disk (JOBS_DIR): records and small bodies in an LMDB file, in grouped transactions that are flushed before
// they count; large bodies as files of their own, which are read and written off the event loop, and leave their room when
// they go. One process at a time has the folder.
import { createReadStream } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open as openFile,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { Database, RootDatabase } from 'lmdb';
import { ConfigError } from '../config.js';
import { type FolderLock, lockFolder } from './folder-lock.js';
import type { AnswerHead, JobInput } from './job.js';
import type { JobRecord, WrittenRecord } from './job-table.js';
import type { ResultDraft, Shelf } from './shelf.js';

/** Bodies up to this size are kept in the LMDB file. */
const smallBytes = 16_384;
/** Room that is left for what ends the jobs that there are. */
const keptFreeBytes = 1_048_576;
const format = 1;
const formatKey = 'format';

interface BodyHead<Head> {
  readonly head: Head;
  readonly bytes: number;
}
type InputHead = BodyHead<Omit<JobInput, 'body'>>;
type ResultHead = BodyHead<AnswerHead>;

interface Dbs {
  readonly root: RootDatabase;
  readonly records: Database<WrittenRecord, string>;
  readonly inputs: Database<InputHead, string>;
  readonly results: Database<ResultHead, string>;
  readonly bodies: Database<Buffer, string>;
}

/** @throws ConfigError with one line where the folder cannot be used */
export async function openDiskShelf(folder: string): Promise<Shelf> {
  const bodiesFolder = join(folder, 'bodies');
  let lock: FolderLock | undefined;
  let dbs: Dbs;
  try {
    await mkdir(bodiesFolder, { recursive: true });
    lock = await lockFolder(folder);
    if (lock === undefined) throw new Error('another millrace has it');
    await checkFile(join(folder, 'jobs.mdb'));
    dbs = await openDbs(join(folder, 'jobs.mdb'));
  } catch (error) {
    await lock?.close();
    throw new ConfigError(
      `JOBS_DIR must be a folder that jobs can be kept in, but ${folder} is not: ${reasonOf(error)}`,
    );
  }
  const { root, records, inputs, results, bodies } = dbs;
  const fileOf = (id: string, kind: 'input' | 'result'): string => join(bodiesFolder, `${id}.${kind}`);
  const writing = new Set<PromiseLike<unknown>>();
  let drafts = 0;

  /** Written in the next transaction. */
  function put(promised: PromiseLike<unknown>): void {
    const written = Promise.resolve(promised).catch(tellCause);
    writing.add(written);
    const forget = (): void => void writing.delete(written);
    written.then(forget, forget);
  }

  /** Before something is written that may be large: where LMDB itself meets the end of the disk, it says so at length. */
  async function checkRoom(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < bytes + keptFreeBytes) throw new Error(`there is no room left in ${folder}`);
  }

  async function settled(): Promise<void> {
    await Promise.all(writing);
  }

  function dropBody(id: string, kind: 'input' | 'result', bytes: number | undefined): void {
    if (bytes === undefined) return;
    if (bytes <= smallBytes) put(bodies.remove(`${kind}:${id}`));
    else rm(fileOf(id, kind), { force: true }).catch(() => undefined);
  }

  function dropInput(id: string): void {
    dropBody(id, 'input', inputs.get(id)?.bytes);
    put(inputs.remove(id));
  }

  function dropResult(id: string): void {
    dropBody(id, 'result', results.get(id)?.bytes);
    put(results.remove(id));
  }

  async function bodyOf(
    id: string,
    kind: 'input',
    bytes: number,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const body = bytes <= smallBytes ? bodies.get(`${kind}:${id}`) : await readFile(fileOf(id, kind));
    return body?.length === bytes ? new Uint8Array(body) : undefined;
  }

  /** Files of jobs that are not known any more, or that were never whole. */
  async function removeStrays(): Promise<void> {
    for (const name of await readdir(bodiesFolder)) {
      const [id = '', kind] = name.split('.');
      const head = kind === 'input' ? inputs.get(id) : kind === 'result' ? results.get(id) : undefined;
      if (head === undefined) await rm(join(bodiesFolder, name), { force: true });
    }
  }

  await removeStrays();

  return {
    putRecord(record: JobRecord) {
      // The monotonic times are of this process alone.
      const { createdMs, expiresMs, ...written } = record;
      put(records.put(record.job.id, written));
    },
    async putInput(id, { body, ...head }) {
      await checkRoom(body.length);
      if (body.length > smallBytes) {
        const file = await openFile(fileOf(id, 'input'), 'w');
        try {
          await file.writeFile(body);
          await file.sync();
        } finally {
          await file.close();
        }
      } else put(bodies.put(`input:${id}`, Buffer.from(body.buffer, body.byteOffset, body.length)));
      put(inputs.put(id, { head, bytes: body.length }));
      await settled();
    },
    async input(id) {
      const found = inputs.get(id);
      const body = found && (await bodyOf(id, 'input', found.bytes));
      return found && body && { ...found.head, body };
    },
    dropInput,
    draft(id): ResultDraft {
      const draftFile = join(bodiesFolder, `${id}.draft-${++drafts}`);
      let small: Uint8Array[] = [];
      let file: FileHandle | undefined;
      let bytes = 0;
      return {
        get bytes() {
          return bytes;
        },
        async add(piece) {
          bytes += piece.length;
          if (file === undefined) small.push(piece);
          if (bytes <= smallBytes) return;
          await checkRoom(piece.length);
          if (file === undefined) {
            file = await openFile(draftFile, 'w');
            for (const one of small) await file.writeFile(one);
            small = [];
          } else await file.writeFile(piece);
        },
        async put(head) {
          if (file !== undefined) {
            await file.sync();
            await file.close();
            await rename(draftFile, fileOf(id, 'result'));
          } else put(bodies.put(`result:${id}`, Buffer.concat(small, bytes)));
          put(results.put(id, { head, bytes }));
          await settled();
        },
        discard() {
          file?.close().catch(() => undefined);
          rm(draftFile, { force: true }).catch(() => undefined);
        },
      };
    },
    result(id) {
      const found = results.get(id);
      if (found === undefined) return undefined;
      const { head, bytes } = found;
      return { head, bytes, body: pieces() };
      async function* pieces(): AsyncGenerator<Uint8Array> {
        const small = bytes <= smallBytes ? bodies.get(`result:${id}`) : undefined;
        if (small !== undefined) yield new Uint8Array(small);
        else yield* createReadStream(fileOf(id, 'result'), { highWaterMark: 262_144 });
      }
    },
    dropResult,
    drop(id) {
      dropInput(id);
      dropResult(id);
      put(records.remove(id));
    },
    settled,
    written: () => [...records.getRange()].map(({ value }) => value),
    async close() {
      await settled().catch(() => undefined);
      await root.close();
      await lock?.close();
    },
  };
}

/** What LMDB rejects with only refers to its reason, another promise that rejects. */
async function tellCause(error: unknown): Promise<never> {
  if (error instanceof Error && 'commitError' in error) await error.commitError;
  throw error;
}

/** A file that is shorter than what is in it ends the process that reads it (SIGBUS): it is mapped into memory. */
async function checkFile(path: string): Promise<void> {
  const { size } = await stat(path).catch(() => ({ size: -1 }));
  if (size === -1) return;
  const file = await openFile(path, 'r+');
  try {
    const first = await metaAt(file, 0);
    const second = await metaAt(file, first?.pageBytes ?? 4_096);
    const metas = [first, second].filter((meta) => meta !== undefined);
    const [newest] = metas.sort((a, b) => b.transaction - a.transaction);
    if (newest === undefined) throw new Error('jobs.mdb is damaged');
    if (size < newest.pages * newest.pageBytes) throw new Error('jobs.mdb is damaged: its end is missing');
  } finally {
    await file.close();
  }
}

interface Meta {
  readonly transaction: number;
  readonly pages: number;
  readonly pageBytes: number;
}

const metaMagic = 0xbeefc0de;

/** A meta page of LMDB, as its data format 2 has it on little-endian machines (MDB_meta behind a page header). */
async function metaAt(file: FileHandle, position: number): Promise<Meta | undefined> {
  const page = Buffer.alloc(160);
  const { bytesRead } = await file.read(page, 0, page.length, position);
  if (bytesRead < page.length || page.readUInt32LE(24) !== metaMagic) return undefined;
  return {
    pageBytes: page.readUInt32LE(48),
    pages: Number(page.readBigUInt64LE(144)) + 1,
    transaction: Number(page.readBigUInt64LE(152)),
  };
}

async function openDbs(path: string): Promise<Dbs> {
  const { open } = await import('lmdb').catch((cause: unknown) => {
    throw new Error('the package lmdb is missing: npm install lmdb', { cause });
  });
  // A transaction counts once it is flushed.
  const root = open({ path, noSubdir: true, overlappingSync: false, maxDbs: 8 });
  try {
    const found: unknown = root.get(formatKey);
    if (found !== undefined && found !== format)
      throw new Error(`it was written by another version (format ${String(found)})`);
    await root.put(formatKey, format);
    return {
      root,
      records: root.openDB<WrittenRecord, string>({ name: 'records', encoding: 'json' }),
      inputs: root.openDB<InputHead, string>({ name: 'inputs', encoding: 'json' }),
      results: root.openDB<ResultHead, string>({ name: 'results', encoding: 'json' }),
      bodies: root.openDB<Buffer, string>({ name: 'bodies', encoding: 'binary' }),
    };
  } catch (error) {
    await root.close();
    throw error;
  }
}

function reasonOf(error: unknown): string {
  const [line = ''] = String(error instanceof Error ? error.message : error).split('\n', 1);
  return line;
}
