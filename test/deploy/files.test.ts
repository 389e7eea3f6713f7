// Every file of deploy/: read by the tool that it is for where that is here, and by what must hold between its numbers, the
// server's settings and each other.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { readConfig, settings } from '#src/config.js';
import { freePort } from '../../bench/free-port.js';
import { deployFolder, has } from '../support/balancers.js';
import { startCluster, watch } from '../support/cluster.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string): string => readFileSync(join(deployFolder, file), 'utf8');
const yamlOf = (text: string): unknown[] =>
  parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS({ merge: true });
  });

const files = readdirSync(deployFolder, { recursive: true, encoding: 'utf8' })
  .filter((name) => statSync(join(deployFolder, name)).isFile())
  .sort();

const defaults = readConfig({});
const variables = new Set<string>([
  ...Object.values(settings).map(({ variable }) => variable),
  'NODE_ENV',
  'REDIS_URL',
]);

/** From a variable's value on, what a machine takes to stop, in ms. */
function stopMs(env: Readonly<Record<string, string>>): number {
  expect(Object.keys(env).filter((name) => !variables.has(name))).toEqual([]);
  const timeoutMs = Number(env.SHUTDOWN_TIMEOUT_MS);
  // As long as an accepted call may wait and run: none is cut, so none that has begun is answered 503.
  expect(timeoutMs).toBeGreaterThanOrEqual(
    defaults.queueMaxWaitMs + defaults.taskTimeoutMs + defaults.cancelGraceMs,
  );
  return Number(env.SHUTDOWN_DELAY_MS) + timeoutMs;
}

const named = z.record(z.string(), z.string());

describe('YAML', () => {
  it.each(files.filter((file) => file.endsWith('.yaml') || file.endsWith('.yml')))(
    '%s can be read',
    (file) => {
      expect(yamlOf(read(file)).length).toBeGreaterThan(0);
    },
  );
});

describe('numbers that belong together', () => {
  const spareMs = 5_000;

  it('compose waits for a drain', () => {
    const compose = z
      .object({
        services: z.object({ one: z.object({ environment: named, stop_grace_period: z.string() }) }),
      })
      .parse(yamlOf(read('compose.yaml'))[0]);
    const { environment, stop_grace_period } = compose.services.one;
    expect(Number.parseInt(stop_grace_period, 10) * 1_000).toBeGreaterThanOrEqual(
      stopMs(environment) + spareMs,
    );
  });

  it('systemd waits for a drain, and hears from the watchdog in time', () => {
    const env = Object.fromEntries(
      read('systemd/millrace.env')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.split('=', 2)),
    );
    readConfig(env);
    const unit = read('systemd/millrace.service');
    const [, stopSec] = /^TimeoutStopSec=(\d+)$/m.exec(unit) ?? [];
    expect(Number(stopSec) * 1_000).toBeGreaterThanOrEqual(stopMs(named.parse(env)) + spareMs);
    expect(unit).toContain('NotifyAccess=all');
  });

  it('balancers wait longer than a call may wait and run, and see a stop within SHUTDOWN_DELAY_MS', () => {
    const haproxy = read('haproxy/haproxy.cfg');
    const nginx = read('nginx/millrace.conf');
    const longestMs = defaults.queueMaxWaitMs + defaults.taskTimeoutMs;
    const seconds = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1]) * 1_000;
    expect(seconds(haproxy, /timeout server (\d+)s/)).toBeGreaterThan(longestMs);
    expect(seconds(nginx, /proxy_read_timeout (\d+)s/)).toBeGreaterThan(longestMs);
    const [, inter, fall] = /check inter (\d+)s fall (\d+)/.exec(haproxy) ?? [];
    const delayMs = Number(/SHUTDOWN_DELAY_MS=(\d+)/.exec(read('systemd/millrace.env'))?.[1]);
    expect(Number(inter) * Number(fall) * 1_000).toBeLessThan(delayMs);
    for (const [, idle] of nginx.matchAll(/keepalive_timeout (\d+)s/g))
      expect(Number(idle) * 1_000).toBeLessThan(defaults.keepAliveTimeoutMs);
    const [, megabytes] = /client_max_body_size (\d+)m/.exec(nginx) ?? [];
    expect(Number(megabytes) * 1_048_576).toBeGreaterThan(defaults.uploadLimitBytes);
    const [, weight] = /weight (\d+)/.exec(haproxy) ?? [];
    // With less, the agent's 1 % would be 0: out.
    expect(Number(weight)).toBeGreaterThanOrEqual(100);
  });

  it('both backends of HAProxy, and both upstreams of nginx, have the same machines', () => {
    const servers = [...read('haproxy/haproxy.cfg').matchAll(/^ +server (.*)$/gm)].map(([, one]) => one);
    expect(servers.slice(0, servers.length / 2)).toEqual(servers.slice(servers.length / 2));
    // A machine that is cut off is given up before an answer's time is over. (`default-server` has no say in it.)
    for (const server of servers) expect(server).toMatch(/ tcp-ut 10s$/);
    const upstream = [...read('nginx/millrace.conf').matchAll(/^ +server ([\w:]+) max_fails/gm)].map(
      ([, one]) => one,
    );
    expect(upstream.slice(0, upstream.length / 2)).toEqual(upstream.slice(upstream.length / 2));
  });
});

describe.skipIf(!has('promtool', '--version'))('Prometheus', () => {
  const promtool = (...args: string[]) =>
    spawnSync('promtool', args, { cwd: join(deployFolder, 'prometheus'), encoding: 'utf8' });

  it('takes the configuration and the rules, and each alert fires on what it is for', () => {
    for (const args of [
      ['check', 'config', 'prometheus.yml'],
      ['check', 'rules', 'rules.yml'],
      ['test', 'rules', 'rules-test.yml'],
    ]) {
      const { status, stdout, stderr } = promtool(...args);
      expect(stdout + stderr).not.toContain('FAILED');
      expect(status).toBe(0);
    }
  });
});

it('each alert is tested, and has its runbook in docs/deploy.md', () => {
  const rules = z
    .object({
      groups: z.array(
        z.object({
          rules: z.array(
            z.object({
              alert: z.string().optional(),
              annotations: z.object({ runbook: z.string() }).optional(),
            }),
          ),
        }),
      ),
    })
    .parse(yamlOf(read('prometheus/rules.yml'))[0]);
  const headings = [...readFileSync(join(root, 'docs/deploy.md'), 'utf8').matchAll(/^#+ (.*)$/gm)].map(
    ([, heading = '']) => heading.toLowerCase().replaceAll(' ', '-'),
  );
  for (const { alert, annotations } of rules.groups.flatMap((group) => group.rules)) {
    if (alert === undefined) continue;
    expect(read('prometheus/rules-test.yml')).toContain(`alertname: ${alert}\n`);
    expect(headings).toContain(annotations?.runbook.replace('docs/deploy.md#', ''));
  }
});

const hasPrometheus = has('prometheus', '--version');
it.skipIf(!hasPrometheus)(
  'each expression of the board gets an answer of a real Prometheus that has scraped a real server',
  async () => {
    await using cluster = await startCluster({ env: { WORKERS: '1' } });
    await (await fetch(`${cluster.url}/hash?algorithm=sha256&data=a`)).arrayBuffer();
    const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
    const port = await freePort();
    writeFileSync(
      join(folder, 'prometheus.yml'),
      `global: { scrape_interval: 500ms, scrape_timeout: 400ms }
scrape_configs: [{ job_name: millrace, static_configs: [{ targets: ['${new URL(cluster.adminUrl).host}'] }] }]`,
    );
    const prometheus = spawn(
      'prometheus',
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => prometheus.once('exit', resolve));
    onTestFinished(async () => {
      prometheus.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true });
    });
    const answer = z.object({
      status: z.literal('success'),
      data: z.object({ result: z.array(z.unknown()) }),
    });
    async function ask(expr: string): Promise<unknown[]> {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}`;
      return answer.parse(await (await fetch(url)).json()).data.result;
    }
    const isScraped = async () => {
      const scrapes = await ask('count_over_time(millrace_lane_load[1m]) > 2').catch(() => []);
      return scrapes.length > 0;
    };
    while (!(await isScraped())) await new Promise((resolve) => setTimeout(resolve, 100));

    for (const { expr, title } of boardExpressions()) {
      const asked = expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*');
      const result = await ask(asked);
      // A loss is no everyday thing; jobs and throttling may not be there.
      if (/restarts|jobs|throttled/.test(expr)) continue;
      expect([title, result.length > 0]).toEqual([title, true]);
    }
  },
);

function boardExpressions(): { title: string; expr: string }[] {
  const board = z
    .object({
      panels: z.array(
        z.object({
          id: z.number(),
          title: z.string(),
          targets: z.array(z.object({ expr: z.string() })).min(1),
        }),
      ),
    })
    .parse(JSON.parse(read('grafana/millrace.json')));
  expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length);
  return board.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));
}

const container = z.object({
  name: z.string(),
  env: z.array(z.object({ name: z.string(), value: z.string().optional() })).default([]),
  resources: z.object({ requests: named, limits: named }),
  securityContext: z.object({
    readOnlyRootFilesystem: z.literal(true),
    allowPrivilegeEscalation: z.literal(false),
    capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
  }),
});
const workload = z.object({
  kind: z.enum(['Deployment', 'StatefulSet']),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    // An autoscaler's affair: a number here would be set again with each apply.
    replicas: z.number().optional(),
    selector: z.object({ matchLabels: named }),
    template: z.object({
      metadata: z.object({ labels: named }),
      spec: z.object({
        automountServiceAccountToken: z.literal(false),
        terminationGracePeriodSeconds: z.number().optional(),
        securityContext: z.object({ runAsNonRoot: z.literal(true), runAsUser: z.number().min(1) }),
        containers: z.tuple([container]),
      }),
    }),
  }),
});

describe.skipIf(!has('kubectl', 'version', '--client'))('Kubernetes', () => {
  const folders = [
    'base',
    ...readdirSync(join(deployFolder, 'kubernetes/overlays')).map((one) => `overlays/${one}`),
  ];

  it.each(folders)('%s is rendered by kustomize, and its objects fit each other', (folder) => {
    const path = join(deployFolder, 'kubernetes', folder);
    const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', path], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const objects = yamlOf(stdout).map((one) =>
      z
        .looseObject({
          apiVersion: z.string(),
          kind: z.string(),
          metadata: z.looseObject({ name: z.string() }),
          spec: z.record(z.string(), z.unknown()),
        })
        .parse(one),
    );
    const workloads = objects
      .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
      .map((one) => workload.parse(one));
    const server = workloads.find(({ metadata }) => metadata.name === 'millrace');
    if (server === undefined) throw new Error('no Deployment');
    expect(server.spec.replicas).toBeUndefined();
    for (const { spec } of workloads) {
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
      const [{ resources }] = spec.template.spec.containers;
      expect(resources.limits.cpu).toBeUndefined();
      expect(Object.keys(resources.requests).sort()).toEqual(['cpu', 'memory']);
    }
    const [{ env }] = server.spec.template.spec.containers;
    const given = Object.fromEntries(env.map(({ name, value = '' }) => [name, value]));
    expect(Number(server.spec.template.spec.terminationGracePeriodSeconds) * 1_000).toBeGreaterThanOrEqual(
      stopMs(given) + 5_000,
    );
    for (const { kind, spec } of objects) {
      if (kind === 'PodDisruptionBudget' || kind === 'ServiceMonitor')
        expect(spec.selector).toEqual({ matchLabels: server.spec.selector.matchLabels });
      if (kind === 'HorizontalPodAutoscaler' || kind === 'ScaledObject')
        expect(spec.scaleTargetRef).toMatchObject({ name: 'millrace' });
    }
  });
});

describe.skipIf(!has('systemd-analyze', '--version'))('systemd', () => {
  it('takes the unit and the socket', () => {
    const folder = mkdtempSync(join(tmpdir(), 'units-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const units = ['millrace.service', 'millrace.socket'].map((name) => {
      const file = join(folder, name);
      writeFileSync(file, read(`systemd/${name}`).replaceAll('/usr/bin/node', process.execPath));
      return file;
    });
    const { stderr } = spawnSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8' });
    // It speaks of units of the machine, too.
    expect(stderr.split('\n').filter((line) => line.includes('millrace'))).toEqual([]);
  });
});

describe('an image', () => {
  const instructions = ['FROM', 'ENV', 'WORKDIR', 'COPY', 'RUN', 'USER', 'EXPOSE', 'HEALTHCHECK', 'CMD'];
  const dockerfiles = ['Dockerfile', 'Dockerfile.app'];

  const parsed = (file: string): { word: string; rest: string }[] =>
    read(file)
      .replaceAll(/^#.*\n/gm, '')
      .replaceAll('\\\n', ' ')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => ({ word: line.split(' ', 1)[0] ?? '', rest: line.slice(line.indexOf(' ') + 1) }));

  it.each(dockerfiles)('%s has two stages, and what serves has neither root nor what builds', (file) => {
    const lines = parsed(file);
    expect(lines.map(({ word }) => word).filter((word) => !instructions.includes(word))).toEqual([]);
    const stages = lines.filter(({ word }) => word === 'FROM');
    expect(stages.map(({ rest }) => rest.split(' ')[0])).toEqual(['node:22-slim', 'node:22-slim']);
    const last = lines.slice(lines.lastIndexOf(stages.at(-1) ?? { word: '', rest: '' }));
    const rest = (word: string) => last.find((line) => line.word === word)?.rest ?? '';
    expect(rest('USER')).toBe('1000:1000');
    expect(rest('ENV')).toContain('HOST=0.0.0.0');
    expect(JSON.parse(rest('CMD'))).toBeInstanceOf(Array);
    expect(lines.some(({ rest }) => rest.includes('npm ci --omit=dev'))).toBe(true);
    const [, stage] = /AS (\w+)/.exec(stages[0]?.rest ?? '') ?? [];
    for (const { word, rest } of last)
      if (word === 'COPY' && rest.startsWith('--from')) expect(rest).toContain(`--from=${stage} `);
  });

  it('this server’s has in its context what the build needs, and nothing that lies about', () => {
    const kept = readFileSync(join(root, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    expect(kept).toEqual([
      'package.json',
      'package-lock.json',
      '.npmrc',
      'build.js',
      'tsconfig*.json',
      'src',
      'workers',
    ]);
    for (const one of kept) if (!one.includes('*')) statSync(join(root, one));
    expect(read('app.dockerignore')).toContain('node_modules\n');
  });

  it.each(dockerfiles)('%s tells a server that serves from one that does not', async (file) => {
    await using cluster = await startCluster({ env: { WORKERS: '1' } });
    const health = parsed(file).find(({ word }) => word === 'HEALTHCHECK')?.rest ?? '';
    const [command, ...args] = z
      .array(z.string())
      .parse(JSON.parse(health.slice(health.indexOf('CMD ') + 4)));
    expect(command).toBe('node');
    const check = (port: number) => spawnSync(process.execPath, args, { env: { PORT: String(port) } }).status;
    expect(check(cluster.port)).toBe(0);
    expect(check(await freePort())).toBe(1);
  });
});

const isRoot =
  process.getuid?.() === 0 && spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status === 0;
if (!isRoot) console.warn('Skipped: a container’s surroundings need root and unshare.');
it.skipIf(!isRoot)(
  'as process 1, without privileges and on a read-only root, as in a container, it serves, replaces and drains',
  async () => {
    // What an image has, without an engine: namespaces of its own, uid 1000, nothing to write to.
    // Node and the checkout may lie where that user may not look, or be such a folder: what is in it is mounted where it may.
    const folder = mkdtempSync(join(tmpdir(), 'millrace-root-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    chmodSync(folder, 0o755);
    for (const one of ['app', 'app/dist', 'app/node_modules']) mkdirSync(join(folder, one));
    for (const one of ['node', 'app/package.json']) writeFileSync(join(folder, one), '');
    const script =
      'mount --bind "$0" "$2/node" && for one in dist node_modules package.json; do mount --bind "$1/$one" "$2/app/$one" && mount -o remount,ro,bind "$2/app/$one" || exit 1; done && mount -o remount,ro,bind / && cd "$2/app" && exec setpriv --reuid=1000 --regid=1000 --clear-groups --no-new-privs --bounding-set=-all "$2/node" dist/src/main.js';
    const child = spawn(
      'unshare',
      [
        '--mount',
        '--pid',
        '--fork',
        '--mount-proc',
        '--kill-child',
        'sh',
        '-c',
        script,
        process.execPath,
        root,
        folder,
      ],
      {
        env: { PATH: process.env.PATH, PORT: '0', ADMIN_PORT: '0', WORKERS: '1', NODE_ENV: 'production' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    await using contained = watch(child);
    const line = await contained.waitForLine(({ msg }) => msg === 'listening');
    expect(line.pid).toBe(1);
    const answer = await fetch(`${line.url}/hash?algorithm=sha256&data=abc`);
    expect(answer.status).toBe(200);
    // The primary, as its parent's namespace knows it.
    const inner = Number(
      spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })
        .stdout.trim()
        .split('\n')[0],
    );
    const [server] = spawnSync('pgrep', ['-P', String(inner)], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n');
    process.kill(Number(server), 'SIGKILL');
    await contained.waitForLine(({ msg }) => String(msg).startsWith('server process exited'));
    expect((await fetch(`${line.url}/livez`)).status).toBe(200);
    // Reaped: no zombie is left of it.
    const states = spawnSync('ps', ['-o', 'stat=', '--ppid', String(inner)], { encoding: 'utf8' }).stdout;
    expect(states).not.toContain('Z');
    process.kill(inner, 'SIGTERM');
    expect(await contained.exited).toBe(0);
  },
);

it('every file of deploy/ is read by a test', () => {
  const readHere = new Set([
    ...files.filter((file) => /\.ya?ml$/.test(file)),
    ...['Dockerfile', 'Dockerfile.app', 'app.dockerignore', 'grafana/millrace.json'],
    ...['systemd/millrace.env', 'systemd/millrace.service', 'systemd/millrace.socket'],
    // And by balancers.test.ts and test/server/tracing.test.ts, which run them.
    ...['haproxy/haproxy.cfg', 'nginx/millrace.conf', 'opentelemetry/otel.js'],
  ]);
  expect(files.filter((file) => !readHere.has(file)).map((file) => relative('.', file))).toEqual([]);
});
