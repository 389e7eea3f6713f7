// The text of --help, from the declarations of commands, flags and settings.
import { commands, ownFlags } from './command.js';
import { settingRows } from './settings-table.js';
import { wrap } from './text-table.js';

const width = 96;

export function helpText(version: string): string {
  const commandRows = Object.entries(commands).map(
    ([name, one]): Row => [`${name} ${one.arguments}`.trimEnd(), one.prose],
  );
  const settings = settingRows();
  const flagRows = settings.flatMap(({ flag, variable }): Row[] =>
    flag === undefined ? [] : [[`--${flag} VALUE`, `The setting ${variable}.`]],
  );
  const ownRows = Object.entries(ownFlags).map(([name, { type, short, prose }]): Row => {
    const long = type === 'string' ? `--${name} VALUE` : `--${name}`;
    return [short === undefined ? long : `-${short}, ${long}`, prose];
  });
  const variableRows = settings.map(
    ({ variable, prose, byDefault }): Row => [
      variable,
      `${prose.replaceAll('`', '')} Default: ${byDefault || 'unset'}.`,
    ],
  );
  return [
    `millrace ${version}: CPU-bound routes on threads, light routes that never wait for them`,
    '',
    'Usage: millrace [command] [flags]',
    section('Commands', commandRows),
    section('Flags', [...flagRows, ...ownRows]),
    section(
      'Settings: environment variables. A flag beats a variable, a variable beats the default.',
      variableRows,
    ),
    section('Exit codes', [
      ['0', 'drained, or done'],
      ['1', 'forced, accepted calls were cut, or the command failed'],
      ['70', 'gave up: server processes never became ready'],
      ['78', 'a setting, flag, task file or address that cannot be used'],
    ]),
  ].join('\n');
}

type Row = readonly [term: string, prose: string];

function section(title: string, rows: readonly Row[]): string {
  const column = Math.max(...rows.map(([term]) => term.length)) + 4;
  const lines = rows.flatMap(([term, prose]) =>
    wrap(prose, width - column).map(
      (line, index) => `${index === 0 ? `  ${term}`.padEnd(column) : ' '.repeat(column)}${line}`,
    ),
  );
  return ['', title, ...lines].join('\n');
}
