// Tables from results: as text for the terminal, as Markdown for the documents.
import { ratio, spread } from '../statistics.js';

/**
 * @typedef {{ metric: number[] | undefined, unit?: string, base?: number[] | undefined }} Cell the values of a metric, one per
 * round; with a `base`, their ratio to its values, round by round
 * @typedef {{ columns: string[], rows: (string | Cell)[][] }} Table
 */

/** @param {Table} table */
export function markdownTable({ columns, rows }) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  const rule = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(columns), line(rule), ...rows.map((row) => line(row.map(cellText)))].join('\n');
}

/** @param {Table} table */
export function textTable({ columns, rows }) {
  const lines = [columns, ...rows.map((row) => row.map(cellText))];
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `  ${line.map((cell, i) => (i ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join('  ')}`,
    )
    .join('\n');
}

/** The median, and what it ranged over: `1.21 × (1.18–1.30)`. @param {string | Cell} cell */
export function cellText(cell) {
  if (typeof cell === 'string') return cell;
  const { base } = cell;
  if ('base' in cell && base === undefined) return '–';
  // A round in which nothing happened has no percentile: NaN, which a file keeps as null.
  const metric = base ? cell.metric : cell.metric?.filter(Number.isFinite);
  if (metric === undefined || metric.length === 0) return '–';
  const unit = base ? ' ×' : cell.unit ? ` ${cell.unit}` : '';
  const { median, min, max } = base ? ratio(metric, base) : spread(metric);
  const range = digits(min) === digits(max) ? '' : ` (${digits(min)}–${digits(max)})`;
  return `${digits(median)}${unit}${range}`;
}

/** Three digits that mean something, at most two behind the point. @param {number} value */
export function digits(value) {
  const size = Math.abs(value);
  if (size >= 1_000) return Math.round(value).toLocaleString('en-GB');
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)));
}
