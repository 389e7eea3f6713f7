// How many pods two autoscalers want, by what the pods that are ready tell of their load. As their documents and sources
// say, with the numbers of deploy/kubernetes/overlays. Pure.

const target = 0.7;
/** The controller's own: nothing is done for less. */
const tolerance = 0.1;
const mostPods = 20;
/** scaleUp's policy: Percent 400 every 15 s, which is how often it looks. */
const mostGrowth = 5;

/**
 * The HPA with a metric of each pod. Those that are not ready yet count as if they had no load; where that takes the reason
 * away, nothing is done.
 * @param {readonly number[]} loads of the ready ones @param {number} pods all @returns {number}
 */
export function byHpa(loads, pods) {
  if (loads.length === 0) return pods;
  const sum = loads.reduce((all, one) => all + one, 0);
  const ratio = sum / loads.length / target;
  if (Math.abs(ratio - 1) <= tolerance) return pods;
  if (loads.length === pods) return Math.ceil(ratio * pods);
  if (ratio < 1) return pods;
  const withAll = sum / pods / target;
  return withAll <= 1 + tolerance ? pods : Math.ceil(withAll * pods);
}

/**
 * KEDA asks Prometheus for the sum, and has the HPA divide it (an external metric, AverageValue): whether pods are ready is
 * not looked at.
 * @param {readonly number[]} loads @param {number} pods @returns {number}
 */
export function byKeda(loads, pods) {
  const sum = loads.reduce((all, one) => all + one, 0);
  return Math.abs(sum / (target * pods) - 1) <= tolerance ? pods : Math.ceil(sum / target);
}

/** What is done of it in one step. @param {number} desired @param {number} pods */
export function limited(desired, pods) {
  return Math.min(desired, pods * mostGrowth, mostPods);
}
