// The settings and the errors as tables for people: rows for --help, Markdown for the README.
import { settings } from '../config.js';
import { errorTable } from '../errors.js';

export interface SettingRow {
  readonly variable: string;
  readonly flag: string | undefined;
  /** Empty where the setting is unset by default. */
  readonly byDefault: string;
  readonly prose: string;
}

export function settingRows(): SettingRow[] {
  return Object.values(settings).map((one) => ({
    variable: one.variable,
    flag: 'flag' in one ? one.flag : undefined,
    byDefault: one.default ?? '',
    prose: one.prose + choices(one.kind.rule),
  }));
}

/** Words to choose from are to be seen; what a number must be is said by the error. */
function choices(rule: string): string {
  const words = /^one of (.*)$/.exec(rule)?.[1];
  return words === undefined ? '' : ` One of ${words}.`;
}

function settingsMarkdown(): string {
  return markdownTable(
    ['variable', 'default', 'meaning', 'flag'],
    settingRows().map(({ variable, byDefault, prose, flag }) => [
      code(variable),
      byDefault === '' ? 'unset' : code(byDefault),
      prose,
      flag === undefined ? '' : code(`--${flag}`),
    ]),
  );
}

function errorsMarkdown(): string {
  return markdownTable(
    ['code', 'status', 'when'],
    Object.entries(errorTable).map(([name, { status, when }]) => [code(name), String(status), when]),
  );
}

/** The README with its tables as they should be. @throws where it lacks their markers */
export function generateTables(readme: string): string {
  return between(between(readme, 'settings', settingsMarkdown()), 'errors', errorsMarkdown());
}

/** The text with what stands between `<!-- name -->` and `<!-- /name -->` replaced. */
function between(text: string, name: string, content: string): string {
  const marked = new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- /${name} -->)`);
  if (!marked.test(text)) throw new Error(`there are no markers <!-- ${name} --> … <!-- /${name} -->`);
  return text.replace(marked, (_, start: string, end: string) => `${start}\n${content}\n\n${end}`);
}

function code(text: string): string {
  return `\`${text}\``;
}

/** Not padded: a change of one row is a change of one line. */
function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
