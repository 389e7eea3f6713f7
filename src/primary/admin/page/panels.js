// The three panels on top: figures and charts of the light routes, the calls on threads, and the threads.
import { createChart } from './chart.js';
import { byId, setText } from './dom.js';
import { count, duration, rate, tick, time } from './format.js';

const fromZero = (_u, _min, max) => [0, Math.max(1, (max ?? 0) * 1.15)];

/**
 * @param {{ samples: object[], marks: () => { atMs: number, tone: string }[] }} state read again at every `draw`
 */
export function createPanels(state) {
  /** A moment that is pointed at, else the latest. */
  let pointed = null;
  const groups = ['io', 'cpu'].map((group) => ({ group, ...groupCharts(group) }));
  const lane = laneCharts();

  function latencyRange() {
    const all = state.samples.flatMap(({ io, cpu }) => [io.p50Ms, io.p99Ms, cpu.p50Ms, cpu.p99Ms]);
    const values = all.filter((value) => value !== null && value > 0);
    const low = Math.min(0.1, ...values);
    const high = Math.max(100, ...values);
    return [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high))];
  }

  function onHover(index) {
    if (index === pointed) return;
    pointed = index;
    figures();
  }

  function chart(panel, name, options) {
    const parent = panel.querySelector(`[data-chart="${name}"]`);
    const height = parent.classList.contains('small') ? 96 : 190;
    return createChart(parent, { height, events: state.marks, onHover, ...options });
  }

  function groupCharts(group) {
    const panel = byId(group);
    const latency = chart(panel, 'latency', {
      lines: [
        { label: 'p50', colour: `--${group}`, width: 2 },
        { label: 'p99', colour: `--${group}-soft`, width: 1.5 },
      ],
      band: `--${group}-band`,
      scale: { distr: 3, range: latencyRange },
      tick,
    });
    const requests = chart(panel, 'rate', {
      lines: [{ label: 'requests/s', colour: `--${group}`, fill: `--${group}-band` }],
      scale: { range: fromZero },
      tick: count,
    });
    return { panel, latency, requests };
  }

  function laneCharts() {
    const panel = byId('lane');
    const threads = chart(panel, 'threads', {
      lines: [
        { label: 'busy', colour: '--lane', fill: '--lane-band', stepped: true },
        { label: 'most', colour: '--muted', width: 1, dash: [4, 4], stepped: true },
      ],
      scale: { range: fromZero },
      tick: count,
    });
    const waiting = chart(panel, 'waiting', {
      lines: [{ label: 'waiting', colour: '--lane', fill: '--lane-band' }],
      scale: { range: fromZero },
      tick: count,
    });
    return { panel, threads, waiting };
  }

  function figures() {
    const sample = state.samples[pointed ?? state.samples.length - 1];
    if (sample === undefined) return;
    const set = (panel, name, text) => setText(panel.querySelector(`[data-figure="${name}"]`), text);
    for (const { group, panel } of groups) {
      const { perSecond, p50Ms, p99Ms } = sample[group];
      set(panel, 'rate', rate(perSecond));
      set(panel, 'p50', duration(p50Ms));
      set(panel, 'p99', duration(p99Ms));
    }
    set(byId('cpu'), 'inline', rate(sample.inlinePerSecond));
    set(lane.panel, 'busy', `${sample.threads.busy} of ${sample.threads.max}`);
    set(lane.panel, 'waiting', count(sample.waiting));
    set(lane.panel, 'load', sample.load.toFixed(2));
    for (const { panel } of [...groups, lane]) {
      const title = panel.querySelector('h2');
      if (pointed === null) title.removeAttribute('data-at');
      else title.setAttribute('data-at', time(sample.atMs));
    }
  }

  return {
    draw() {
      const { samples } = state;
      const x = samples.map(({ atMs }) => atMs / 1_000);
      const column = (pick) => samples.map(pick);
      for (const { group, panel, latency, requests } of groups) {
        latency.setData([x, column((one) => one[group].p50Ms), column((one) => one[group].p99Ms)]);
        requests.setData([x, column((one) => one[group].perSecond)]);
        panel.classList.toggle(
          'is-empty',
          samples.every((one) => one[group].perSecond === 0),
        );
      }
      lane.threads.setData([x, column(({ threads }) => threads.busy), column(({ threads }) => threads.max)]);
      lane.waiting.setData([x, column(({ waiting }) => waiting)]);
      figures();
    },
  };
}
