// Objects whose keys are somebody else's words, for JSON: they inherit nothing, so a task that is named `constructor`
// is there only if it was put there. Inside the server such things are Maps.

export function dictionary<T>(entries: Iterable<readonly [string, T]> = []): Record<string, T> {
  const made: Record<string, T> = Object.create(null);
  for (const [key, value] of entries) made[key] = value;
  return made;
}
