// Numbers as an operator reads them: three digits that matter, and a unit.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const none = '–';

export function count(value) {
  return whole.format(value);
}

/** @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined) return none;
  if (ms >= 9_995) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms >= 999.5) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms >= 99.5) return `${ms.toFixed(0)} ms`;
  if (ms >= 9.95) return `${ms.toFixed(1)} ms`;
  if (ms >= 0.0995) return `${ms.toFixed(2)} ms`;
  return `${(ms * 1_000).toFixed(ms >= 0.00995 ? 0 : 1)} µs`;
}

/** A tick of a time axis in ms: no digits that say nothing. */
export function tick(ms) {
  if (ms >= 1_000) return `${ms / 1_000} s`;
  return ms < 0.1 ? `${Number((ms * 1_000).toPrecision(1))} µs` : `${Number(ms.toPrecision(1))} ms`;
}

/** A share of cores as tools like `top` tell it: 100 % is one core. */
export function cpu(cores) {
  return `${whole.format(cores * 100)} %`;
}

export function memory(bytes) {
  const mib = bytes / 1_048_576;
  return mib >= 9_999.5 ? `${(mib / 1_024).toFixed(1)} GiB` : `${whole.format(mib)} MiB`;
}

/** @param {number | null | undefined} perSecond */
export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return none;
  return `${perSecond > 0 && perSecond < 9.95 ? perSecond.toFixed(1) : count(perSecond)}/s`;
}

export function uptime(ms) {
  const seconds = Math.floor(ms / 1_000);
  const [d, h, m, s] = [seconds / 86_400, (seconds / 3_600) % 24, (seconds / 60) % 60, seconds % 60].map(
    Math.floor,
  );
  if (d > 0) return `${d} d ${h} h`;
  if (h > 0) return `${h} h ${m} min`;
  return m > 0 ? `${m} min ${s} s` : `${s} s`;
}

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

export function time(atMs) {
  return clock.format(atMs);
}
