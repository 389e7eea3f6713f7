// All jobs that are known, by id and in the order in which they came, in all and of each client: for look-ups and for
// lists, newest first. What is kept of a job changes; where it stands does not.
import type { Job } from './job.js';
import type { JobPage, JobQuery } from './store.js';

export interface HistoryEntry {
  readonly job: Job;
  /** Its number in order of arrival. */
  readonly seq: number;
}

export interface JobHistory<Entry extends HistoryEntry> {
  get(id: string): Entry | undefined;
  /** A new one, which stands behind all others, or another state of one that is there. */
  put(entry: Entry): void;
  remove(entry: Entry): void;
  list(query: JobQuery): JobPage;
}

/** Entries that are looked at for one page: beyond it, a page ends short. */
const mostLookedAt = 50_000;

export function createJobHistory<Entry extends HistoryEntry>(): JobHistory<Entry> {
  const byId = new Map<string, Entry>();
  const everybodys = createTrack();
  const tracks = new Map<string, Track>();

  return {
    get: (id) => byId.get(id),
    put(entry) {
      const { id, client } = entry.job;
      if (!byId.has(id)) {
        let track = tracks.get(client);
        if (track === undefined) {
          track = createTrack();
          tracks.set(client, track);
        }
        everybodys.add(entry.seq, id);
        track.add(entry.seq, id);
      }
      byId.set(id, entry);
    },
    remove({ job: { id, client } }) {
      byId.delete(id);
      const isThere = (one: string): boolean => byId.has(one);
      everybodys.removed(isThere);
      const track = tracks.get(client);
      if (track?.removed(isThere) === 0) tracks.delete(client);
    },
    list({ client, state, limit, cursor }) {
      const track = client === undefined ? everybodys : tracks.get(client);
      const before = cursor === undefined ? Number.POSITIVE_INFINITY : Number.parseInt(cursor, 36);
      const jobs: Job[] = [];
      if (track === undefined || Number.isNaN(before)) return { jobs, next: undefined };
      let left = mostLookedAt;
      for (let at = track.behind(before) - 1; at >= 0; at--) {
        const entry = byId.get(track.idAt(at));
        if (entry === undefined || entry.job.isExpired) continue;
        if (jobs.length >= limit || --left < 0) return { jobs, next: (entry.seq + 1).toString(36) };
        if (state === undefined || entry.job.state === state) jobs.push(entry.job);
      }
      return { jobs, next: undefined };
    },
  };
}

/** Ids by their numbers, ascending, with holes until these are more than half. */
interface Track {
  add(seq: number, id: string): void;
  /** @returns how many are left */
  removed(isThere: (id: string) => boolean): number;
  idAt(index: number): string;
  /** The index of the first one whose number is not smaller. */
  behind(seq: number): number;
}

function createTrack(): Track {
  let entries: { readonly seq: number; readonly id: string }[] = [];
  let holes = 0;
  return {
    add: (seq, id) => void entries.push({ seq, id }),
    removed(isThere) {
      holes++;
      if (holes * 2 > entries.length) {
        entries = entries.filter(({ id }) => isThere(id));
        holes = 0;
      }
      return entries.length - holes;
    },
    idAt: (index) => entries[index]?.id ?? '',
    behind(seq) {
      let low = 0;
      let high = entries.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((entries[middle]?.seq ?? 0) < seq) low = middle + 1;
        else high = middle;
      }
      return low;
    },
  };
}
