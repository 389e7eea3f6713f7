// Each object that kustomize renders, held against the types that are made from Kubernetes' own schemas, KEDA's and those of
// the Prometheus operator. As literals of these types: so the compiler refuses a field that is unknown, missing or wrong.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { deployFolder, has } from '../support/balancers.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where each kind's type is. */
const types: Readonly<Record<string, readonly [file: string, type: string]>> = {
  'v1 Service': ['kubernetes-types/core/v1', 'Service'],
  'apps/v1 Deployment': ['kubernetes-types/apps/v1', 'Deployment'],
  'apps/v1 StatefulSet': ['kubernetes-types/apps/v1', 'StatefulSet'],
  'policy/v1 PodDisruptionBudget': ['kubernetes-types/policy/v1', 'PodDisruptionBudget'],
  'autoscaling/v2 HorizontalPodAutoscaler': ['kubernetes-types/autoscaling/v2', 'HorizontalPodAutoscaler'],
  'keda.sh/v1alpha1 ScaledObject': ['@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject', 'IScaledObject'],
  'monitoring.coreos.com/v1 ServiceMonitor': [
    '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor',
    'IServiceMonitor',
  ],
};

const kinded = z.looseObject({ apiVersion: z.string(), kind: z.string() });

function rendered(folder: string): string {
  const path = join(deployFolder, 'kubernetes', folder);
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', path], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout;
}

const objectsOf = (yaml: string) => parseAllDocuments(yaml).map((document) => kinded.parse(document.toJS()));

/** What the compiler says about the objects of each file. */
function faults(files: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'manifests-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, yaml] of Object.entries(files)) {
    const literals = objectsOf(yaml).map((one, index) => {
      const [file, type] = types[`${one.apiVersion} ${one.kind}`] ?? [];
      if (file === undefined) throw new Error(`${one.apiVersion} ${one.kind} has no type here`);
      return `import type { ${type} as Type${index} } from '${file}';
export const object${index}: Type${index} = ${JSON.stringify(one)};`;
    });
    writeFileSync(join(folder, `${name}.ts`), literals.join('\n'));
  }
  const paths = { '*': [`${root}/node_modules/*`] };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        ...{ strict: true, noEmit: true, skipLibCheck: true, types: [], paths },
        ...{ module: 'esnext', moduleResolution: 'bundler', target: 'es2023' },
      },
      include: ['*.ts'],
    }),
  );
  const { stdout, error } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
    encoding: 'utf8',
  });
  expect(error).toBeUndefined();
  return stdout.split('\n').filter((line) => line !== '' && !line.startsWith(' '));
}

const tsc = join(root, 'node_modules/typescript/bin/tsc');
const hasKubectl = has('kubectl', 'version', '--client');

it.skipIf(!hasKubectl)('every object of every overlay is valid by its schema, without unknown fields', () => {
  const folders = [
    'base',
    ...readdirSync(join(deployFolder, 'kubernetes/overlays')).map((one) => `overlays/${one}`),
  ];
  const files = Object.fromEntries(
    folders.map((folder) => [folder.replace('overlays/', ''), rendered(folder)]),
  );
  expect(
    new Set(
      Object.values(files)
        .flatMap(objectsOf)
        .map(({ apiVersion, kind }) => `${apiVersion} ${kind}`),
    ),
  ).toEqual(new Set(Object.keys(types)));
  expect(faults(files)).toEqual([]);
});

it.skipIf(!hasKubectl)('a field that is unknown, missing or of another type is found', () => {
  const [base, keda, monitoring] = ['base', 'overlays/keda', 'overlays/monitoring'].map(rendered);
  const spoil = (text = '', from: string, to: string): string => {
    expect(text).toContain(from);
    return text.replace(from, to);
  };
  const files = {
    unknown: spoil(base, 'allowPrivilegeEscalation:', 'allowPrivilegedEscalation:'),
    wrong: spoil(base, 'terminationGracePeriodSeconds: 50', 'terminationGracePeriodSeconds: 50s'),
    missing: spoil(keda, 'scaleTargetRef:', 'x-scaleTargetRef:'),
    custom: spoil(keda, 'pollingInterval:', 'pollInterval:'),
    operator: spoil(monitoring, 'interval: 5s', 'intervall: 5s'),
  };
  const found = faults(files);
  for (const name of Object.keys(files)) expect(found.join('\n')).toContain(`${name}.ts(`);
});
