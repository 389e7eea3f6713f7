// The arithmetic of the HPA and of KEDA, with the numbers of deploy/.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { byHpa, byKeda, limited } from '../../bench/autoscaler/arithmetic.js';

const overlays = new URL('../../deploy/kubernetes/overlays/', import.meta.url);

it.each([
  { loads: [0.7, 0.7], pods: 2, hpa: 2, keda: 2, why: 'on target' },
  { loads: [0.75, 0.75], pods: 2, hpa: 2, keda: 2, why: 'within a tenth of it' },
  { loads: [1, 1], pods: 2, hpa: 3, keda: 3, why: 'full, and the gauge says no more than that' },
  { loads: [6, 6], pods: 2, hpa: 18, keda: 18, why: 'full, and five seconds wait' },
  { loads: [6, 6], pods: 18, hpa: 18, keda: 18, why: 'those that start have no load yet' },
  { loads: [0.3, 0.3], pods: 4, hpa: 4, keda: 1, why: 'little load beside pods that start' },
  { loads: [], pods: 2, hpa: 2, keda: 0, why: 'nobody tells' },
])('$loads of $pods pods: $why', ({ loads, pods, hpa, keda }) => {
  expect(byHpa(loads, pods)).toBe(hpa);
  expect(byKeda(loads, pods)).toBe(keda);
});

it('a step is at most five times as many, and never beyond the most', () => {
  expect(limited(18, 2)).toBe(10);
  expect(limited(30, 10)).toBe(20);
});

it('has the numbers of the manifests', () => {
  const hpa = readFileSync(new URL('hpa/hpa.yaml', overlays), 'utf8');
  const keda = readFileSync(new URL('keda/scaledobject.yaml', overlays), 'utf8');
  expect(hpa).toContain('averageValue: 700m');
  expect(keda).toContain("threshold: '0.7'");
  for (const text of [hpa, keda]) {
    expect(text).toMatch(/max(Replicas|ReplicaCount): 20\n/);
    expect(text).toContain('{ type: Percent, value: 400, periodSeconds: 15 }');
  }
});
