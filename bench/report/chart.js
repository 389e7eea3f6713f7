// Bar charts as SVG, legible on light and dark pages: horizontal bars with the median at their end and a whisker from
// the least to the greatest round, on a linear or logarithmic scale. No browser and no library is needed for that.

const width = 720;
const labelWidth = 280;
const valueWidth = 130;
const barHeight = 20;
const rowHeight = 34;
const top = 64;

/**
 * @param {object} chart
 * @param {string} chart.title
 * @param {string} chart.subtitle
 * @param {boolean} [chart.logarithmic]
 * @param {readonly { label: string, text: string, median: number, min: number, max: number, ours?: boolean }[]} chart.bars
 * @param {{ value: number, label: string }} [chart.limit] a line to compare with
 * @returns {string}
 */
export function barChart({ title, subtitle, logarithmic = false, bars, limit }) {
  const highest = Math.max(...bars.map(({ max }) => max), limit?.value ?? 0);
  const lowest = Math.min(...bars.map(({ min }) => min));
  const from = logarithmic ? 10 ** Math.floor(Math.log10(lowest) - 0.3) : 0;
  const room = width - labelWidth - valueWidth;
  const share = (/** @type {number} */ value) =>
    logarithmic ? Math.log(value / from) / Math.log(highest / from) : (value - from) / (highest - from);
  const x = (/** @type {number} */ value) => round(labelWidth + room * Math.max(0, share(value)));
  const bottom = top + bars.length * rowHeight;
  const height = bottom + (limit ? 30 : 14);

  const rows = bars.map((bar, row) => {
    const y = top + row * rowHeight;
    const middle = y + barHeight / 2;
    const kind = bar.ours ? 'ours' : 'other';
    return [
      text(labelWidth - 10, middle + 5, bar.label, 'end', bar.ours ? 'strong' : 'plain'),
      `<rect class="${kind}" x="${labelWidth}" y="${y}" width="${round(x(bar.median) - labelWidth)}" height="${barHeight}" rx="2"/>`,
      whisker(x(bar.min), x(bar.max), middle),
      text(
        Math.max(x(bar.max), x(bar.median)) + 8,
        middle + 5,
        bar.text,
        'start',
        bar.ours ? 'strong' : 'plain',
      ),
    ].join('\n');
  });
  const line = limit
    ? [
        `<line class="limit" x1="${x(limit.value)}" x2="${x(limit.value)}" y1="${top - 8}" y2="${bottom}"/>`,
        text(x(limit.value), bottom + 16, limit.label, 'middle', 'small'),
      ]
    : [];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${xml(title)}">
<style>${style}</style>
<rect class="page" width="${width}" height="${height}" rx="8"/>
${[text(16, 26, title, 'start', 'title'), text(16, 46, subtitle, 'start', 'small'), ...rows, ...line].join('\n')}
</svg>
`;
}

const style = `
text { font: 14px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 } .strong { font-weight: 600 } .small { font-size: 12px; fill: #59636e }
.page { fill: #ffffff } .ours { fill: #1a7f5a } .other { fill: #9aa4b2 }
.whisker { stroke: #1f2328; stroke-width: 1.5 } .limit { stroke: #59636e; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9198a1 } .page { fill: #0d1117 } .ours { fill: #3fb98a } .other { fill: #59636e }
.whisker { stroke: #e6edf3 } .limit { stroke: #9198a1 }
}
`;

/** @param {number} from @param {number} to @param {number} y */
function whisker(from, to, y) {
  const ends = [from, to].map((x) => `M${x} ${y - 4}V${y + 4}`).join('');
  return `<path class="whisker" fill="none" d="M${from} ${y}H${to}${ends}"/>`;
}

/** @param {number} x @param {number} y @param {string} content @param {string} anchor @param {string} kind */
function text(x, y, content, anchor, kind) {
  return `<text class="${kind}" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${xml(content)}</text>`;
}

/** @param {string} content */
function xml(content) {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}
