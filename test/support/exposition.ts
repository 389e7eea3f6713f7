// Reads Prometheus' text format, strictly: what does not fit is an error.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  readonly samples: readonly Sample[];
  /** By metric family. */
  readonly types: ReadonlyMap<string, string>;
  /** The sum of all samples of a name whose labels include these. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (NaN|[+-]Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const label = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/;

export function parseExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const samples: Sample[] = [];
  const types = new Map<string, string>();
  const seen = new Set<string>();
  for (const one of text.split('\n')) {
    if (one === '' || one.startsWith('# HELP ')) continue;
    const [, family, type] = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(one) ?? [];
    if (family !== undefined && type !== undefined) {
      if (types.has(family)) throw new Error(`${family} has two types`);
      types.set(family, type);
      continue;
    }
    const [, name, inner = '', value] = line.exec(one) ?? [];
    if (name === undefined) throw new Error(`no sample: ${one}`);
    const labels = parseLabels(inner);
    const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (seen.has(key)) throw new Error(`twice: ${one}`);
    seen.add(key);
    if (!types.has(name) && !types.has(name.replace(/_(bucket|sum|count)$/, '')))
      throw new Error(`no type: ${one}`);
    samples.push({ name, labels, value: Number(String(value).replace('Inf', 'Infinity')) });
  }
  return {
    samples,
    types,
    sum: (name, labels = {}) =>
      samples
        .filter((sample) => sample.name === name)
        .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
        .reduce((sum, { value }) => sum + value, 0),
  };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ''; ) {
    const [all, name, value] = label.exec(rest) ?? [];
    if (all === undefined || name === undefined || value === undefined) throw new Error(`no label: ${rest}`);
    if (name in labels) throw new Error(`two labels ${name}: ${text}`);
    labels[name] = value;
    rest = rest.slice(all.length);
  }
  return labels;
}
