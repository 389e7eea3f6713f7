// What the documents show of the results: a table or a figure for each marker, and the charts. Pure: results in, text
// out, so that a test can tell whether a document is what its results give.
import { scenarios } from '../scenarios/scenarios.js';
import { median, ratio, spread } from '../statistics.js';
import { barChart } from './chart.js';
import { decisionTable } from './decision.js';
import { cellText, digits, markdownTable } from './table.js';

/** @typedef {(result: Result) => boolean} IsStale whether its sources have changed since it was measured */

/** Documents with markers. */
export const documents = ['README.md', 'docs/tuning.md', 'docs/benchmark.md', 'docs/decisions.md'];

/** Node versions whose results may stand beside the headline's. */
const nodes = ['node20', 'node22', 'node24', 'node26'];

/** @typedef {import('../results.js').Result} Result */
/** @typedef {import('../results.js').ReadResult} ReadResult */
/** @typedef {import('../rounds.js').Results} Results */

/**
 * @param {ReadResult} read
 * @returns {Record<string, string>} by their paths
 */
export function charts(read) {
  const saturation = read('saturation');
  const lightResult = read('light');
  const growth = read('growth');
  return {
    ...(saturation && { 'docs/light-under-load.svg': lightUnderLoad(saturation.variants) }),
    ...(lightResult && { 'docs/light-cost.svg': lightCost(lightResult.variants) }),
    ...(growth && { 'docs/growth.svg': connectionCost(growth.variants) }),
  };
}

/** @param {Results} variants */
function lightUnderLoad({ idle, ...others }) {
  return barChart({
    title: 'Light-route p99 while the CPU is saturated',
    subtitle:
      'ms, logarithmic; GET / at 200/s, 8 CPU-bound calls of 25 ms always in flight; whiskers: least and greatest round',
    logarithmic: true,
    limit: { value: median(idle?.values.p99 ?? []), label: 'millrace, idle' },
    bars: Object.entries(others).map(([name, { label, values }]) => bar(name, label, values.p99, 'ms')),
  });
}

/** @param {Results} variants */
function lightCost(variants) {
  const names = ['millrace', 'node', 'node-features', 'fastify-features', 'express', 'express-features'];
  return barChart({
    title: 'CPU time per GET /, whole process tree',
    subtitle: 'µs; all processes and threads; whiskers: least and greatest round',
    bars: names.map((name) => bar(name, variants[name]?.label ?? name, variants[name]?.values.cpuUs, 'µs')),
  });
}

/** @param {Results} variants */
function connectionCost(variants) {
  const bars = [
    { group: 'connections', metric: 'lightUs', what: 'light request' },
    { group: 'node', metric: 'lightUs', what: 'light request' },
    { group: 'connections', metric: 'refusalUs', what: 'refusal' },
  ].flatMap(({ group, metric, what }) =>
    [10, 1_000, 10_000].map((size) => {
      const whose = group === 'node' ? 'bare node:http' : 'millrace';
      const label = `${whose}, ${what}, ${size.toLocaleString('en-GB')}`;
      const one = bar(group, label, variants[`${group}-${size}`]?.values[metric], 'µs');
      return { ...one, ours: whose === 'millrace' };
    }),
  );
  return barChart({
    title: 'Event-loop time per request as connections grow',
    subtitle:
      'µs; 10, 1,000 and 10,000 open connections, 10 requests in flight; whiskers: least and greatest round',
    bars,
  });
}

/** @param {string} name @param {string} label @param {number[] | undefined} values @param {string} unit */
function bar(name, label, values = [], unit) {
  const range = spread(values);
  return { label, text: `${digits(range.median)} ${unit}`, ...range, ours: name === 'millrace' };
}

/**
 * @param {string} name of a marker: a scenario for its table, `hero`, `summary`, `machine`, `decision/` and the name of
 *   a checkout, or one figure as
 *   `scenario/variant/metric`, with a further `/variant` to divide by that one's
 * @param {ReadResult} read
 * @param {IsStale} isStale
 * @param {readonly import('../results.js').Comparison[]} comparisons
 * @returns {string | undefined} undefined where its results are not there
 */
export function contentOf(name, read, isStale, comparisons) {
  if (name === 'hero') return hero(read('saturation'));
  if (name === 'summary') return summary(read, isStale);
  if (name === 'machine') return machines(read);
  if (name.startsWith('decision/')) return decisionTable(name.slice('decision/'.length), comparisons);
  if (name.includes('/')) return figure(name, read);
  const scenario = scenarios.find((one) => one.name === name);
  return scenario && tables(scenario, read, isStale);
}

/** @param {string} name @param {ReadResult} read */
function figure(name, read) {
  const [scenario = '', variant = '', metric = '', base] = name.split('/');
  const variants = read(scenario)?.variants;
  const values = variants?.[variant]?.values[metric];
  if (values === undefined) return undefined;
  if (base === undefined) return digits(median(values));
  const by = variants?.[base]?.values[metric];
  return by && digits(ratio(values, by).median);
}

/** @param {Result | undefined} saturation */
function hero(saturation) {
  if (saturation === undefined) return undefined;
  const { idle, millrace, 'express-piscina': piscina, textbook } = saturation.variants;
  const p99 = (/** @type {import('../rounds.js').Row | undefined} */ row) =>
    `${digits(median(row?.values.p99 ?? []))} ms`;
  return [
    '![Light-route p99 while the CPU is saturated, millrace against its peers](docs/light-under-load.svg)',
    '',
    `With the cores full of CPU-bound calls, 99 of 100 light requests are answered within **${p99(millrace)}**`,
    `(idle: ${p99(idle)}); Express with piscina and its defaults takes ${p99(piscina)}, the cluster that computes in its handlers ${p99(textbook)}.`,
  ].join('\n');
}

/**
 * What all results were measured on: one line where it was the same for all, otherwise one for each.
 * @param {ReadResult} read
 */
function machines(read) {
  /** @type {Map<string, Result[]>} */
  const groups = new Map();
  for (const { name } of scenarios) {
    const result = read(name);
    if (result === undefined) continue;
    const where = machine(result);
    groups.set(where, [...(groups.get(where) ?? []), result]);
  }
  if (groups.size === 0) return undefined;
  return [...groups]
    .map(([where, results]) => {
      const names = groups.size === 1 ? '' : ` (${results.map(({ scenario }) => scenario).join(', ')})`;
      return `Measured${names} on ${where}, ${days(results)}.`;
    })
    .join('\n\n');
}

/** Where a table comes from. @param {Result} result @param {IsStale} isStale */
function origin(result, isStale) {
  if (result.commit === undefined)
    return `Measured ${days([result])}; **the commit is not known, so it is to be measured again**.`;
  const mark = isStale(result) ? '; **the sources that it depends on have changed since**' : '';
  return `Measured at \`${result.commit}\`, ${days([result])}${mark}.`;
}

/** @param {Result} result */
function machine({ machine: { cpu, cores, node, packages } }) {
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return `${cores} cores (${cpu}), Node ${node.slice(1)}, ${versions.join(', ')}`;
}

/** @param {readonly Result[]} results */
function days(results) {
  const dates = results.map(({ machine: { date } }) => date.slice(0, 10)).sort();
  const [first, last] = [dates[0], dates.at(-1)];
  return first === last ? `on ${first}` : `from ${first} to ${last}`;
}

/**
 * The claims of the project, each with its goal and what was measured.
 * @param {ReadResult} read @param {IsStale} isStale
 */
function summary(read, isStale) {
  const rows = claims.flatMap(({ scenario, claim, goal, figure }) => {
    const result = read(scenario);
    return result ? [[claim, goal, `${figure(result.variants)}${isStale(result) ? ' †' : ''}`]] : [];
  });
  if (rows.length === 0) return undefined;
  const table = markdownTable({ columns: ['what', 'goal', 'measured'], rows });
  const note = rows.some(([, , cell]) => cell?.endsWith('†'))
    ? '\n\n† Sources that it depends on have changed since; `npm run bench -- --stale` measures it again.'
    : '';
  return `${table}${note}\n\n${machines(read)}\n\nEvery table: [docs/benchmark.md](docs/benchmark.md); the raw figures: [bench/results](bench/results).`;
}

/** @param {number[] | undefined} metric @param {number[] | undefined} base */
const over = (metric, base) => cellText({ metric, base });

/** @type {readonly { scenario: string, claim: string, goal: string, figure: (variants: Results) => string }[]} */
const claims = [
  {
    scenario: 'saturation',
    claim: 'light-route p99 with the cores full ÷ idle',
    goal: '≤ 1.5 ×',
    figure: ({ millrace, idle }) => over(millrace?.values.p99, idle?.values.p99),
  },
  {
    scenario: 'light',
    claim: 'CPU per `GET /`, all features on ÷ bare `node:http` without any',
    goal: '≤ 1.25 ×',
    figure: ({ millrace, node }) => over(millrace?.values.cpuUs, node?.values.cpuUs),
  },
  {
    scenario: 'light',
    claim: 'the same ÷ Fastify with the same features',
    goal: '≤ 1 ×',
    figure: ({ millrace, 'fastify-features': fastify }) =>
      over(millrace?.values.cpuUs, fastify?.values.cpuUs),
  },
  {
    scenario: 'light',
    claim: 'CPU per `POST /hash` of 1 KiB ÷ `GET /`',
    goal: '≤ 2 ×',
    figure: ({ millrace, 'millrace-hash': hash }) => over(hash?.values.cpuUs, millrace?.values.cpuUs),
  },
  {
    scenario: 'app',
    claim: "CPU per request of an app's own light route ÷ plain Express 5 with prototypes aligned",
    goal: '≤ 1 ×',
    figure: ({ app, express }) => over(app?.values.cpuUs, express?.values.cpuUs),
  },
  {
    scenario: 'app',
    claim: 'its p99 with the cores full ÷ that of `GET /`',
    goal: '≤ 1 ×',
    figure: ({ app, 'built-in': builtIn }) => over(app?.values.p99, builtIn?.values.p99),
  },
  {
    scenario: 'goodput',
    claim: 'CPU-bound calls/s at saturation ÷ bare threads without HTTP',
    goal: '≥ 0.95 ×',
    figure: ({ millrace, threads }) => over(millrace?.values.perSecond, threads?.values.perSecond),
  },
  {
    scenario: 'goodput',
    claim: 'the same for each core that the load generator, on the same cores, left',
    goal: '≥ 0.95 ×',
    figure: ({ millrace, threads }) =>
      over(millrace?.values.perSecondPerCore, threads?.values.perSecondPerCore),
  },
  {
    scenario: 'overload',
    claim: 'CPU-bound calls/s at 10 times the load ÷ at saturation (2 times)',
    goal: '≥ 0.95 ×',
    figure: (variants) =>
      over(variants['millrace-10']?.values.goodput, variants['millrace-2']?.values.goodput),
  },
  {
    scenario: 'overload',
    claim: 'the same for each core that the load generator, on the same cores, left',
    goal: '≥ 0.95 ×',
    figure: (variants) =>
      over(variants['millrace-10']?.values.goodputPerCore, variants['millrace-2']?.values.goodputPerCore),
  },
  {
    scenario: 'overload',
    claim: 'p99 of what was accepted at 10 times the load (`QUEUE_MAX_WAIT_MS=1000`, calls of 50 ms)',
    goal: '≤ 1,075 ms',
    figure: (variants) => cellText({ metric: variants['millrace-10']?.values.acceptedP99, unit: 'ms' }),
  },
  {
    scenario: 'overload',
    claim: 'p50 of refusals at 10 times the load',
    goal: '< 10 ms',
    figure: (variants) => cellText({ metric: variants['millrace-10']?.values.refusedP50, unit: 'ms' }),
  },
  {
    scenario: 'short',
    claim: 'p50 of a 1 ms call while 12 clients keep 1.5 s calls running',
    goal: '< 30 ms',
    figure: ({ millrace }) => cellText({ metric: millrace?.values.p50, unit: 'ms' }),
  },
  {
    scenario: 'hop',
    claim: 'event-loop time per 100 µs call, 64 at once ÷ one `piscina.run` each',
    goal: '≤ 0.33 ×',
    figure: (variants) => over(variants['lane-64']?.values.loopUs, variants['piscina-64']?.values.loopUs),
  },
  {
    scenario: 'reload',
    claim: 'requests lost in three reloads under 18 clients',
    goal: '0',
    figure: ({ millrace }) => cellText({ metric: millrace?.values.lost }),
  },
  {
    scenario: 'supervision',
    claim: 'a stop with 200 idle connections',
    goal: '≤ 1,000 ms',
    figure: (variants) => cellText({ metric: variants['idle-stop']?.values.tookMs, unit: 'ms' }),
  },
  {
    scenario: 'supervision',
    claim: 'from `kill -9` of a server process to the next one that is ready',
    goal: '≤ 2,000 ms',
    figure: ({ killed }) => cellText({ metric: killed?.values.tookMs, unit: 'ms' }),
  },
  {
    scenario: 'jobs',
    claim: 'light-route p99 beside 1,000 jobs that wait and run ÷ without',
    goal: '≤ 1.3 ×',
    figure: ({ memory }) => over(memory?.values.lightP99, memory?.values.lightAloneP99),
  },
  {
    scenario: 'jobs',
    claim: 'p99 of calls of 5 ms, 0.4 of the cores, beside them ÷ without',
    goal: '≤ 1.3 ×',
    figure: ({ memory }) => over(memory?.values.callP99, memory?.values.callAloneP99),
  },
  {
    scenario: 'jobs',
    claim: 'from `kill -9` of a server process until its job runs again, store in memory',
    goal: '≤ 50 ms',
    figure: ({ memory }) => cellText({ metric: memory?.values.restartMs, unit: 'ms' }),
  },
  {
    scenario: 'jobs',
    claim: 'memory of a server process with jobs on Redis − with `JOBS=off`',
    goal: '≤ 50 MiB',
    figure: ({ redis }) => cellText({ metric: redis?.values.moreMb, unit: 'MiB' }),
  },
  {
    scenario: 'fairness',
    claim: "a polite client's p99 beside a flood ÷ alone",
    goal: '≤ 2 ×',
    figure: ({ flooded, alone }) => over(flooded?.values.p99, alone?.values.p99),
  },
];

/**
 * The headline, and what other versions of Node gave.
 * @param {import('../scenarios/scenario.js').Scenario} scenario @param {ReadResult} read @param {IsStale} isStale
 */
function tables({ name, table }, read, isStale) {
  const headline = read(name);
  if (headline === undefined) return undefined;
  const texts = [markdownTable(table(headline)), origin(headline, isStale)];
  for (const node of nodes) {
    const other = read(`${name}.${node}`);
    if (other === undefined || other.machine.node === headline.machine.node) continue;
    texts.push(`${machine(other)}:`, markdownTable(table(other)), origin(other, isStale));
  }
  return texts.join('\n\n');
}
