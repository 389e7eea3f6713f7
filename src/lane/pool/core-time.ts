// Whether a thread that gives no sign of life could have given one. Under load a thread that has stepped back may wait
// for a core, or for a lock of another such thread, for seconds. Only Linux tells.
import { readFileSync } from 'node:fs';

export interface CoreWatch {
  /** The thread has used so much of a core since the watch began, in ms; undefined where it is not known. */
  usedMs(): number | undefined;
  /** It neither runs nor wants to: not now, and not when this was asked before. */
  isAsleep(): boolean;
}

const tickMs = 10;

/** From now on. */
export function watchCore(osThreadId: number | undefined): CoreWatch {
  const before = coreTime(osThreadId);
  let last: CoreTime | undefined;
  return {
    usedMs() {
      const now = coreTime(osThreadId);
      return before === undefined || now === undefined ? undefined : (now.ticks - before.ticks) * tickMs;
    },
    isAsleep() {
      const asked = last;
      last = coreTime(osThreadId);
      if (asked === undefined || last === undefined) return false;
      return asked.state === 'S' && last.state === 'S' && asked.ticks === last.ticks;
    },
  };
}

interface CoreTime {
  /** R: it runs or waits for a core. S: it waits for something else. */
  readonly state: string | undefined;
  readonly ticks: number;
}

/** proc_pid_stat(5): behind the name come the state and, 11 fields on, the time in user and in system mode. */
function coreTime(osThreadId: number | undefined): CoreTime | undefined {
  if (osThreadId === undefined) return undefined;
  try {
    const stat = readFileSync(`/proc/self/task/${osThreadId}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}
