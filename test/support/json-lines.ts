// A log's lines as they are written, for tests that wait for one.
import { Writable } from 'node:stream';

type Line = Readonly<Record<string, unknown>>;

export interface Awaited {
  readonly sink: Writable;
  /** The first line that fits. */
  readonly first: Promise<Line>;
}

export function linesMatching(fits: (line: Line) => boolean): Awaited {
  let found: (line: Line) => void = () => undefined;
  const first = new Promise<Line>((resolve) => {
    found = resolve;
  });
  const sink = new Writable({
    write(chunk, _encoding, done) {
      const line: Line = JSON.parse(String(chunk));
      if (fits(line)) found(line);
      done();
    },
  });
  return { sink, first };
}
