// Finds the field that an object of a JSON text has twice. Whether there is one, input.ts knows without looking here:
// this is for telling the caller where.

/** An array, at an index, or an object, at one of its fields (undefined: a name comes next). */
type Place = { at: number } | { at: string | undefined; readonly names: Set<string> };

/**
 * @param text that JSON.parse has read
 * @returns the path to the first field that repeats one of its object, as in `a.0.b`
 */
export function repeatedField(text: string): string | undefined {
  const places: Place[] = [];
  for (let i = 0; i < text.length; i++) {
    const place = places.at(-1);
    switch (text[i]) {
      case '[':
        places.push({ at: 0 });
        break;
      case '{':
        places.push({ at: undefined, names: new Set() });
        break;
      case ']':
      case '}':
        places.pop();
        break;
      case ',':
        if (place !== undefined) place.at = typeof place.at === 'number' ? place.at + 1 : undefined;
        break;
      case '"': {
        const end = endOfString(text, i);
        if (place !== undefined && 'names' in place && place.at === undefined) {
          const name: string = JSON.parse(text.slice(i, end));
          place.at = name;
          if (place.names.has(name)) return places.map(({ at }) => at).join('.');
          place.names.add(name);
        }
        i = end - 1;
      }
    }
  }
  return undefined;
}

/** The index behind the closing quote. */
function endOfString(text: string, start: number): number {
  let end = start + 1;
  while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return end + 1;
}
