// The parts of a request's target (`/path?query`).

export function pathOf(target: string): string {
  const queryAt = target.indexOf('?');
  return queryAt < 0 ? target : target.slice(0, queryAt);
}

/** Behind the `?`; undefined where there is none. */
export function queryStringOf(target: string): string | undefined {
  const queryAt = target.indexOf('?');
  return queryAt < 0 ? undefined : target.slice(queryAt + 1);
}
