// Every setting, declared once: variable, kind of value, default, unit, prose. The README's table and --help are
// generated from this declaration (cli/settings-table.ts). Only main.ts hands in process.env.
import { isIP } from 'node:net';
import { addressOf, socketPathOf, unixHost } from './host.js';
import { parseRedisUrl, type RedisAddress } from './redis-address.js';

/** A way to read a setting's text. `rule` completes the sentence "PORT must be …". */
interface Kind<T> {
  readonly rule: string;
  /** The value, or undefined where the text does not fit. */
  parse(text: string): T | undefined;
  /** A password may be in it: it is not shown where it does not fit. */
  readonly isSecret?: true;
}

interface Setting<T> {
  readonly variable: string;
  readonly kind: Kind<T>;
  /** As a user would write it. Undefined: unset. */
  readonly default: string | undefined;
  readonly prose: string;
  /** A command-line flag of the same meaning, without dashes. */
  readonly flag?: string;
  /** A variable that counts where this one is unset. */
  readonly alias?: string;
}

function setting<T>(
  variable: string,
  kind: Kind<T>,
  byDefault: string,
  prose: string,
  more: { flag?: string; alias?: string } = {},
): Setting<T> {
  return { variable, kind, default: byDefault, prose, ...more };
}

function optional<T>(
  variable: string,
  kind: Kind<T>,
  prose: string,
  more: { flag?: string } = {},
): Setting<T | undefined> {
  return { variable, kind, default: undefined, prose, ...more };
}

const text: Kind<string> = { rule: 'text', parse: (value) => value };

function integer(min: number, max: number): Kind<number> {
  return {
    rule: `a whole number from ${min} to ${max}`,
    parse(value) {
      if (!/^\d{1,15}$/.test(value)) return undefined;
      const number = Number(value);
      return number >= min && number <= max ? number : undefined;
    },
  };
}

const host: Kind<string> = {
  rule: 'a name, an address, or unix: and the path of a socket',
  parse(value) {
    const path = socketPathOf(value);
    if (path === undefined) return value;
    return path === '' || path.includes('\0') ? undefined : unixHost(path);
  },
};

const fileMode: Kind<string> = {
  rule: 'three octal digits such as 660',
  parse: (value) => /^0?([0-7]{3})$/.exec(value)?.[1],
};

const prefix: Kind<string> = {
  rule: 'a path such as /cpu, without a slash at its end',
  parse: (value) => (/^(?:\/[\w~-][\w.~-]*)+$/.test(value) ? value : undefined),
};

function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    rule: words.length === 1 ? `${words[0]}` : `one of ${words.join(', ')}`,
    parse: (value) => words.find((word) => word === value),
  };
}

function either<A, B>(first: Kind<A>, second: Kind<B>): Kind<A | B> {
  return {
    rule: `${first.rule}, or ${second.rule}`,
    parse: (value) => first.parse(value) ?? second.parse(value),
  };
}

/** Names separated by commas; spaces around them do not count. */
const list: Kind<readonly string[]> = {
  rule: 'names separated by commas',
  parse: (value) =>
    value
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
};

/** Entries between commas, none of them empty; undefined where one does not fit. */
function listOf<T>(text: string, parseOne: (entry: string) => T | undefined): readonly T[] | undefined {
  const entries = text.split(',').map((entry) => parseOne(entry.trim()));
  const fitting = entries.filter((entry) => entry !== undefined);
  return fitting.length === entries.length ? fitting : undefined;
}

const proxies: Kind<number | readonly string[]> = {
  rule: 'a count of proxies (0 to 100), or addresses, networks such as 10.0.0.0/8, loopback, linklocal or uniquelocal with commas between',
  parse: (value) => integer(0, 100).parse(value) ?? listOf(value, network),
};

/** Names by which Express knows certain networks (those of RFC 1122, 3927, 1918 and 4193). */
const namedNetworks: readonly string[] = ['loopback', 'linklocal', 'uniquelocal'];

/** An address or a network, but not the whole world: that would be to believe whatever a client says. */
function network(value: string): string | undefined {
  if (namedNetworks.includes(value)) return value;
  const [address = '', bits, ...more] = value.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || more.length > 0) return undefined;
  if (bits === undefined) return value;
  return integer(1, version === 4 ? 32 : 128).parse(bits) === undefined ? undefined : value;
}

const origins: Kind<'*' | readonly string[]> = {
  rule: '`*`, or origins such as https://app.example.com (no path) with commas between',
  parse: (value) => (value === '*' ? '*' : listOf(value, origin)),
};

/** As a browser writes it: lower case, no default port. */
function origin(value: string): string | undefined {
  if (!/^[a-z][a-z\d+.-]*:\/\/[^\s/?#@\\*]+$/i.test(value) || !URL.canParse(value)) return undefined;
  const { protocol, host } = new URL(value);
  return `${protocol}//${host.toLowerCase()}`;
}

const redis: Kind<RedisAddress> = {
  rule: 'redis://[user:password@]host[:port][/database] or rediss://…, for a cluster its nodes with commas between, or ?cluster=true',
  parse: parseRedisUrl,
  isSecret: true,
};

const redisName: Kind<string> = {
  rule: 'letters, digits, `-`, `_` and `.`, at most 64',
  parse: (value) => (/^[\w.-]{1,64}$/.test(value) ? value : undefined),
};

const port = integer(0, 65_535);
const maxTimerMs = 2_147_483_647;
const threads = 1_024;

export const settings = {
  host: setting(
    'HOST',
    host,
    '127.0.0.1',
    'Address the public server listens on. `unix:/run/millrace.sock`: a Unix socket at that path, and no port.',
    { flag: 'host' },
  ),
  port: setting(
    'PORT',
    port,
    '3000',
    'Port of the public server. 0: a free one, which stays the same until the primary ends.',
    {
      flag: 'port',
    },
  ),
  socketMode: setting(
    'SOCKET_MODE',
    fileMode,
    '660',
    'Permissions of the socket file where HOST is one, in octal. Whoever may write to it may connect.',
  ),
  adminHost: setting('ADMIN_HOST', text, '127.0.0.1', 'Address the admin server listens on.'),
  adminPort: setting(
    'ADMIN_PORT',
    either(port, oneOf('off')),
    '3001',
    'Port of the admin server. 0: a free one. `off`: no admin server.',
    { flag: 'admin-port' },
  ),
  agentPort: optional(
    'AGENT_PORT',
    port,
    'Port, at HOST (at 127.0.0.1 where that is a socket), where HAProxy’s agent-check is told how much of this machine is free, such as `up ready 73%`. 0: a free one. Unset: none.',
  ),
  adminAllowedHosts: setting(
    'ADMIN_ALLOWED_HOSTS',
    list,
    '',
    'More names that the admin server accepts in `Host`, separated by commas. It always accepts loopback names and ADMIN_HOST.',
  ),
  workers: setting(
    'WORKERS',
    either(integer(1, threads), oneOf('auto')),
    'auto',
    'Number of server processes. `auto`: one for each core the process may use (affinity, cgroup quota). If unset, WEB_CONCURRENCY counts.',
    { flag: 'workers', alias: 'WEB_CONCURRENCY' },
  ),
  poolMinThreads: setting(
    'POOL_MIN_THREADS',
    integer(1, threads),
    '1',
    'Threads that each server process keeps even when they are idle.',
  ),
  poolMaxThreads: setting(
    'POOL_MAX_THREADS',
    either(integer(1, threads), oneOf('auto')),
    'auto',
    'Most threads for calls in each server process; jobs have threads of their own beside them (docs/lane.md). `auto`: max(2, ceil(cores / processes) + 1), which is one to spare.',
    { flag: 'threads' },
  ),
  poolIdleTimeoutMs: setting(
    'POOL_IDLE_TIMEOUT_MS',
    integer(0, maxTimerMs),
    '30000',
    'A thread beyond POOL_MIN_THREADS, and one for jobs, ends once it has had nothing to run for this many ms.',
  ),
  poolNice: setting(
    'POOL_NICE',
    integer(0, 19),
    '19',
    'How far the threads step back behind the event loops: so much is added to their nice value (Linux). While there are jobs, threads that run calls step back half as far.',
  ),
  poolMaxHeapMb: setting(
    'POOL_MAX_HEAP_MB',
    integer(16, 1_048_576),
    '512',
    'Largest heap of one thread, in MiB.',
  ),
  poolMaxQueue: setting(
    'POOL_MAX_QUEUE',
    integer(0, 1_000_000),
    '1024',
    'Most calls that may wait in one server process.',
  ),
  queueMaxWaitMs: setting(
    'QUEUE_MAX_WAIT_MS',
    integer(1, maxTimerMs),
    '5000',
    'A call that would have to wait longer than this many ms, by estimate, is refused when it arrives.',
  ),
  inlineMaxUs: setting(
    'INLINE_MAX_US',
    integer(0, 1_000_000),
    '50',
    'A call of a task that says `inline` runs on the event loop if it is known to take no more than this many µs. 0: all calls run on threads.',
  ),
  taskTimeoutMs: setting(
    'TASK_TIMEOUT_MS',
    integer(1, maxTimerMs),
    '30000',
    'Longest run of one call, in ms, counted from its start.',
  ),
  cancelGraceMs: setting(
    'CANCEL_GRACE_MS',
    integer(0, maxTimerMs),
    '250',
    'How long a cancelled call may take to stop by itself before its thread is replaced, in ms.',
  ),
  bodyLimitBytes: setting(
    'BODY_LIMIT_BYTES',
    integer(1, 1_073_741_824),
    '1048576',
    'Largest JSON body, in bytes.',
  ),
  uploadLimitBytes: setting(
    'UPLOAD_LIMIT_BYTES',
    integer(1, 1_073_741_824),
    '16777216',
    'Largest binary body, in bytes.',
  ),
  headersTimeoutMs: setting(
    'HEADERS_TIMEOUT_MS',
    integer(1, maxTimerMs),
    '10000',
    'Time for the headers of a request to arrive, in ms. At most REQUEST_TIMEOUT_MS.',
  ),
  requestTimeoutMs: setting(
    'REQUEST_TIMEOUT_MS',
    integer(1, maxTimerMs),
    '30000',
    'Time for a whole request to arrive, in ms.',
  ),
  keepAliveTimeoutMs: setting(
    'KEEP_ALIVE_TIMEOUT_MS',
    integer(1, maxTimerMs),
    '65000',
    'An idle connection is closed after this many ms.',
  ),
  answerTimeoutMs: setting(
    'ANSWER_TIMEOUT_MS',
    either(integer(0, maxTimerMs), oneOf('auto')),
    'auto',
    'A handler of the app that has not begun its answer after this many ms is answered for: 504. `auto`: as long as a task’s request may take, REQUEST_TIMEOUT_MS + QUEUE_MAX_WAIT_MS + TASK_TIMEOUT_MS. 0: never.',
  ),
  sendTimeoutMs: setting(
    'SEND_TIMEOUT_MS',
    integer(1, maxTimerMs),
    '30000',
    'A client that reads nothing of its answer for this many ms is disconnected.',
  ),
  maxConnections: setting(
    'MAX_CONNECTIONS',
    integer(0, 10_000_000),
    '0',
    'Most open connections in one server process. 0: no limit.',
  ),
  maxRequestsPerSocket: setting(
    'MAX_REQUESTS_PER_SOCKET',
    integer(0, 1_000_000_000),
    '0',
    'Most requests on one connection. 0: no limit.',
  ),
  trustProxy: optional(
    'TRUST_PROXY',
    proxies,
    'Whose X-Forwarded-For to believe: a number of proxies, or addresses and networks (also `loopback`, `linklocal`, `uniquelocal`).',
  ),
  corsOrigins: optional(
    'CORS_ORIGINS',
    origins,
    'Origins whose pages may read the answers: a list, or `*` for any, but then without credentials.',
  ),
  apiKeysFile: optional(
    'API_KEYS_FILE',
    text,
    'File of API keys, one `name:sha256-of-key` (hex) in a line, read again on reload. Unset: no key is needed.',
  ),
  docs: setting(
    'DOCS',
    oneOf('on', 'off'),
    'on',
    'Whether /docs and /openapi.json are served. They need no key.',
  ),
  cpuQuotaMsPerMinute: setting(
    'CPU_QUOTA_MS_PER_MINUTE',
    integer(0, 1_000_000_000),
    '0',
    'CPU time in ms that one client may use in a minute. A client is an API key, else an address. 0: no quota.',
  ),
  jobs: setting(
    'JOBS',
    oneOf('on', 'off'),
    'on',
    'Whether `Prefer: respond-async` makes a job of a call: it is answered at once, and its result is fetched later.',
  ),
  jobsDir: optional(
    'JOBS_DIR',
    text,
    'Folder in which jobs are kept, so that they outlive the primary. If unset: in the primary’s memory.',
  ),
  redisUrl: optional(
    'REDIS_URL',
    redis,
    'Redis or Valkey in which jobs are kept, for any number of machines. Needs the packages `bullmq` and `ioredis`.',
  ),
  redisPrefix: setting(
    'REDIS_PREFIX',
    redisName,
    'millrace',
    'What the keys in Redis begin with. Machines with the same one share their jobs.',
  ),
  jobsMax: setting(
    'JOBS_MAX',
    integer(0, 10_000_000),
    '10000',
    'Most jobs that may wait. Beyond it a job is refused (503).',
  ),
  jobsMaxBytes: setting(
    'JOBS_MAX_BYTES',
    integer(0, 1_000_000_000_000),
    '536870912',
    'Most bytes of jobs’ inputs and results that are kept at a time. Beyond it a job is refused (503).',
  ),
  jobTtlS: setting(
    'JOB_TTL_S',
    integer(1, 31_536_000),
    '3600',
    'How long the result of a job is kept after its end, in seconds.',
  ),
  jobAttempts: setting(
    'JOB_ATTEMPTS',
    integer(1, 100),
    '3',
    'How often a job is tried whose thread or server process is lost. One whose task fails is not tried again.',
  ),
  shutdownDelayMs: setting(
    'SHUTDOWN_DELAY_MS',
    integer(0, maxTimerMs),
    '0',
    'After the stop signal the server goes on serving for this many ms, with /readyz at 503.',
  ),
  shutdownTimeoutMs: setting(
    'SHUTDOWN_TIMEOUT_MS',
    integer(1, maxTimerMs),
    '30000',
    'After that, calls that were accepted have this many ms to end.',
  ),
  bootTimeoutMs: setting(
    'BOOT_TIMEOUT_MS',
    integer(1, maxTimerMs),
    '30000',
    'A server process that is not ready after this many ms is replaced.',
  ),
  heartbeatTimeoutMs: setting(
    'HEARTBEAT_TIMEOUT_MS',
    integer(100, maxTimerMs),
    '10000',
    'A server process whose event loop is silent for this many ms is replaced.',
  ),
  logLevel: setting(
    'LOG_LEVEL',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    'info',
    "Least severe level to log (pino's names).",
  ),
  accessLog: setting(
    'ACCESS_LOG',
    oneOf('off', 'errors', 'all'),
    'errors',
    'Which requests to log. With `errors`, the others appear at LOG_LEVEL=debug.',
  ),
  app: optional(
    'APP',
    text,
    'File of your own app: a module that exports what `defineApp` made as its default. `millrace FILE` does the same.',
    { flag: 'app' },
  ),
  builtIns: optional(
    'BUILT_INS',
    oneOf('on', 'off'),
    'Whether to serve the built-in routes: `GET /`, `/io/*` and the tasks that come along. If unset: on, but off with APP.',
  ),
  routePrefix: optional(
    'ROUTE_PREFIX',
    prefix,
    'Path in front of the routes of tasks, of /jobs, /docs and /openapi.json. The probes stay where they are.',
  ),
  apiTitle: optional(
    'API_TITLE',
    text,
    'Title of the API, in /openapi.json and /docs. This, version and description, if unset: those of the package.json nearest to APP; without APP, millrace’s.',
  ),
  apiVersion: optional('API_VERSION', text, 'Version of the API, in /openapi.json.'),
  apiDescription: optional('API_DESCRIPTION', text, 'What the API is for, in /openapi.json and /docs.'),
  tasksDir: optional(
    'TASKS_DIR',
    text,
    'Folder of your own task files. If unset: the folder `tasks` beside the file of APP, if there is one.',
    {
      flag: 'tasks',
    },
  ),
} satisfies Record<string, Setting<unknown>>;

type Settings = typeof settings;
type SettingKey = keyof Settings;

/** The settings as they were given, parsed: `auto` is still to be resolved. */
export type Config = {
  readonly [K in SettingKey]: Settings[K] extends Setting<infer T> ? T : never;
};

/** What a server process works with: `auto` resolved, the port decided. */
export type ServerConfig = Omit<Config, 'workers' | 'poolMaxThreads'> & {
  readonly workers: number;
  readonly poolMaxThreads: number;
  /** Cores that all server processes may use together. */
  readonly cores: number;
};

/** A setting that does not fit: one line that names the variable, the rule and the value. Ends the boot with 78. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Variables or flags by name, as in `process.env`. */
export type Values = Readonly<Record<string, string | undefined>>;

/**
 * Reads all settings. A flag beats a variable, a variable beats the default; an empty text is unset.
 * @param env variables by name
 * @param flags flags by name, without dashes
 * @throws ConfigError for the first value that does not fit
 */
export function readConfig(env: Values, flags: Values = {}): Config {
  const config: Record<string, unknown> = {};
  for (const [key, one] of Object.entries<Setting<unknown>>(settings)) {
    const given = pick(one, env, flags);
    config[key] =
      given === undefined ? parse(one, one.variable, one.default) : parse(one, given.name, given.text);
  }
  const typed = Object.freeze(config) as Config;
  checkTogether(typed);
  return typed;
}

function pick(one: Setting<unknown>, env: Values, flags: Values): { name: string; text: string } | undefined {
  const sources: [string | undefined, string][] = [];
  if (one.flag !== undefined) sources.push([flags[one.flag], `${one.variable} (--${one.flag})`]);
  sources.push([env[one.variable], one.variable]);
  if (one.alias !== undefined) sources.push([env[one.alias], one.alias]);
  for (const [value, name] of sources) if (value !== undefined && value !== '') return { name, text: value };
  return undefined;
}

function parse(one: Setting<unknown>, name: string, value: string | undefined): unknown {
  if (value === undefined) return undefined;
  const parsed = one.kind.parse(value);
  if (parsed === undefined) {
    const given = one.kind.isSecret ? 'what it is (not shown: a password may be in it)' : quote(value);
    throw new ConfigError(`${name} must be ${one.kind.rule}, not ${given}`);
  }
  return parsed;
}

/** The value in one line of bounded length, whatever is in it. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value);
}

function checkTogether(config: Config): void {
  if (config.headersTimeoutMs > config.requestTimeoutMs) {
    throw new ConfigError(
      `HEADERS_TIMEOUT_MS must be at most REQUEST_TIMEOUT_MS (${told(config, 'requestTimeoutMs')}), not ${told(config, 'headersTimeoutMs')}`,
    );
  }
  if (config.poolMaxThreads !== 'auto' && config.poolMinThreads > config.poolMaxThreads) {
    throw new ConfigError(
      `POOL_MIN_THREADS must be at most POOL_MAX_THREADS (${config.poolMaxThreads}), not ${config.poolMinThreads}`,
    );
  }
  if (config.jobsDir !== undefined && config.redisUrl !== undefined)
    throw new ConfigError('JOBS_DIR and REDIS_URL must not both be set: jobs are kept in one place');
  const hasPort = socketPathOf(config.host) === undefined;
  const host = addressOf(config.host);
  const hosts = [host, config.adminHost];
  // A wildcard address takes the port of every other one of the machine.
  const sameHost = host === config.adminHost || hosts.includes('0.0.0.0') || hosts.includes('::');
  if (hasPort && config.adminPort === config.port && config.port !== 0 && sameHost) {
    throw new ConfigError(
      `ADMIN_PORT (${told(config, 'adminPort')}) must differ from PORT (${told(config, 'port')}) on the same host`,
    );
  }
  const { agentPort } = config;
  if (agentPort !== undefined && agentPort !== 0) {
    const taken =
      agentPort === config.port && hasPort
        ? 'port'
        : agentPort === config.adminPort && sameHost
          ? 'adminPort'
          : undefined;
    if (taken !== undefined) {
      const { variable } = settings[taken];
      throw new ConfigError(
        `AGENT_PORT must differ from ${variable} (${told(config, taken)}) on the same host, not ${agentPort}`,
      );
    }
  }
}

/** A value that the user may never have set: then where it comes from. */
function told(config: Config, key: SettingKey): string {
  return String(config[key]) === settings[key].default ? `${config[key]}, the default` : String(config[key]);
}
