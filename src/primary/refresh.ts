// Gets what server processes have counted, from all at once; nobody waits longer than a moment for a silent one, whose
// last figures then count. Who asks while the same question is out shares its answer.
import type { ServerHandle } from './server-handle.js';

/** What to ask for: counts alone, or the process's own figures as well. */
export type Figures = 'counts' | 'all';

const answerWithinMs = 250;

export function createRefresh(servers: Iterable<ServerHandle>): (figures: Figures) => Promise<void> {
  const running = new Map<Figures, Promise<void>>();

  async function ask(figures: Figures): Promise<void> {
    const asked = [...servers].map((server) => server.report(figures === 'all', answerWithinMs));
    await Promise.all(asked);
    running.delete(figures);
  }

  return (figures) => {
    const shared = running.get(figures) ?? ask(figures);
    running.set(figures, shared);
    return shared;
  };
}
