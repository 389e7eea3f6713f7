// Machines as network namespaces on one bridge, with addresses of their own. Needs to run in namespaces of its
// own already (`inside`): then names, links and mounts are seen by nobody else, and end with the last process in them.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

const mark = 'MILLRACE_OWN_NETWORK';

/** Whether this process has a network of its own. */
export const isInside = process.env[mark] === '1';

/** @returns why there can be no namespaces here; undefined: they can be */
export function whyNot() {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const probe =
    'mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && ip netns add probe && ip link add name cable type veth peer name eth0 netns probe && ip link add name switch type bridge';
  const { error, status, stderr } = spawnSync('unshare', ['--net', '--mount', 'sh', '-c', probe], {
    encoding: 'utf8',
  });
  if (error !== undefined) return 'there is no unshare (util-linux)';
  return status === 0 ? undefined : `network namespaces are not allowed: ${stderr.trim().split('\n').at(-1)}`;
}

/** Runs the script of this process once more, in a network of its own. @returns its exit code */
export function runInside() {
  const child = spawn('unshare', ['--net', '--mount', '--', process.execPath, ...process.argv.slice(1)], {
    env: { ...process.env, [mark]: '1' },
    stdio: 'inherit',
  });
  // Ctrl-C reaches the whole group; SIGTERM only this process.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

/**
 * @typedef {object} Host
 * @property {string} name
 * @property {string} address
 * @property {(command: string, args: readonly string[]) => [string, string[]]} command that runs there; its process stays the same
 * @property {() => void} pullCable
 * @property {() => void} plugIn
 */

/** Once in the life of the process. @param {readonly string[]} names @returns {Host[]} */
export function createNetwork(names) {
  const ip = (/** @type {string} */ line) =>
    execFileSync('ip', line.split(' '), { stdio: ['ignore', 'ignore', 'inherit'] });
  mkdirSync('/run/netns', { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run/netns']);
  ip('link set lo up');
  ip(`link add name switch type bridge`);
  ip('addr add 10.77.0.1/24 dev switch');
  ip('link set switch up');
  const hosts = names.map((name, index) => {
    const address = `10.77.0.${11 + index}`;
    ip(`netns add ${name}`);
    ip(`link add name cable-${name} type veth peer name eth0 netns ${name}`);
    ip(`link set cable-${name} master switch up`);
    ip(`-n ${name} addr add ${address}/24 dev eth0`);
    ip(`-n ${name} link set eth0 up`);
    ip(`-n ${name} link set lo up`);
    /** @type {Host['command']} */
    const command = (program, args) => ['nsenter', [`--net=/run/netns/${name}`, program, ...args]];
    return {
      name,
      address,
      command,
      pullCable: () => void ip(`link set cable-${name} down`),
      plugIn: () => void ip(`link set cable-${name} up`),
    };
  });
  return hosts;
}
