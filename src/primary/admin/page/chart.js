// One chart by uPlot, dressed like the page: colours from its style sheet, events as lines across the time axis.
import uPlot from '/uplot.js';
import { time } from './format.js';

/** A young server's few samples fill the width, too. */
const shortestSeconds = 90;
const syncKey = 'millrace';
const font = '11px system-ui, sans-serif';

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/**
 * @typedef {{ label: string, colour: string, width?: number, dash?: number[], fill?: string, stepped?: boolean }} Line
 * @param {Element} parent
 * @param {{ height: number, lines: Line[], band?: string, scale: object, tick: (value: number) => string,
 *   events: () => { atMs: number, tone: string }[], onHover: (index: number | null) => void }} options
 */
export function createChart(parent, { height, lines, band, scale, tick, events, onHover }) {
  const series = lines.map((line) => ({
    label: line.label,
    stroke: () => colour(line.colour),
    width: line.width ?? 1.5,
    ...(line.dash && { dash: line.dash }),
    ...(line.fill && { fill: () => colour(line.fill) }),
    ...(line.stepped && { paths: uPlot.paths.stepped({ align: 1 }) }),
    // A value without neighbours is no line: only a point shows it.
    points: { size: 4, show: true, filter: (u, index) => isolated(u.data[index]) },
  }));
  const axis = {
    font,
    stroke: () => colour('--muted'),
    grid: { stroke: () => colour('--grid'), width: 1 },
    ticks: { show: false },
  };
  const chart = new uPlot(
    {
      width: Math.max(parent.clientWidth, 100),
      height,
      legend: { show: false },
      padding: [8, 22, 0, 0],
      cursor: { sync: { key: syncKey }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
      scales: { x: { range: (_u, min, max) => [Math.min(min, max - shortestSeconds), max] }, y: scale },
      axes: [
        {
          ...axis,
          size: 27,
          gap: 8,
          space: 76,
          incrs: [5, 10, 15, 30, 60, 120],
          values: (_u, splits) => splits.map((at) => time(at * 1_000)),
        },
        {
          ...axis,
          size: 52,
          space: 28,
          ...(scale.distr === 3
            ? { splits: (_u, _axis, min, max) => decades(min, max) }
            : { incrs: wholeSteps }),
          values: (_u, splits) => splits.map((one) => (one === null ? '' : tick(one))),
        },
      ],
      series: [{}, ...series],
      ...(band && { bands: [{ series: [2, 1], fill: () => colour(band) }] }),
      hooks: {
        drawAxes: [(u) => drawEvents(u, events())],
        setCursor: [(u) => onHover(u.cursor.idx ?? null)],
      },
    },
    [[], ...lines.map(() => [])],
    parent,
  );
  new ResizeObserver(() => chart.setSize({ width: parent.clientWidth, height })).observe(parent);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => chart.redraw());
  return { setData: (data) => chart.setData(data) };
}

/** What is counted has no halves. */
const wholeSteps = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((one) => one * 10 ** power)).flat();

/** Lines at powers of ten only. */
function decades(min, max) {
  const lines = [];
  for (let one = min; one <= max * 1.001; one *= 10) lines.push(one);
  return lines;
}

function isolated(values) {
  return values.flatMap((value, i) => {
    const alone = (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null;
    return value !== null && alone ? [i] : [];
  });
}

function drawEvents(u, events) {
  const { ctx, bbox } = u;
  const { min, max } = u.scales.x;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  for (const { atMs, tone } of events) {
    const at = atMs / 1_000;
    if (!(at >= min && at <= max)) continue;
    const x = Math.round(u.valToPos(at, 'x', true));
    ctx.strokeStyle = ctx.fillStyle = colour(`--${tone}`);
    ctx.beginPath();
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(x, bbox.top, 3 * devicePixelRatio, 0, 2 * Math.PI);
    ctx.fill();
  }
  ctx.restore();
}
