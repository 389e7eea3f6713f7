// REDIS_URL, taken apart: where Redis is, whether it is a cluster, and who we are there. Pure. A password is in it, so the
// text is never shown.

export interface RedisAddress {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly isCluster: boolean;
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
}

const defaultPort = 6_379;

/** `redis://user:secret@host:6379/0`; further nodes of a cluster behind commas, their scheme and user may be left out. */
export function parseRedisUrl(text: string): RedisAddress | undefined {
  const [first = '', ...more] = text.split(',').map((part) => part.trim());
  const scheme = /^rediss?:\/\//.exec(first)?.[0];
  if (scheme === undefined) return undefined;
  const urls = [first, ...more.map((part) => (part.includes('://') ? part : `${scheme}${part}`))].map(
    parseNode,
  );
  const [url] = urls;
  if (url === undefined || urls.some((one) => one?.protocol !== url.protocol)) return undefined;
  const db = /^\/?(\d{0,4})$/.exec(url.pathname)?.[1];
  const isCluster = more.length > 0 || url.searchParams.get('cluster') === 'true';
  // A cluster has one database.
  if (db === undefined || (isCluster && Number(db) !== 0)) return undefined;
  try {
    return {
      nodes: urls.flatMap((one) =>
        one === undefined ? [] : [{ host: hostOf(one), port: Number(one.port || defaultPort) }],
      ),
      isCluster,
      isTls: url.protocol === 'rediss:',
      username: url.username === '' ? undefined : decodeURIComponent(url.username),
      password: url.password === '' ? undefined : decodeURIComponent(url.password),
      db: Number(db),
    };
  } catch {
    return undefined;
  }
}

function parseNode(text: string): URL | undefined {
  if (!/^rediss?:\/\/[^\s]+$/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isPlain = url.hash === '' && [...url.searchParams.keys()].every((name) => name === 'cluster');
  return url.hostname !== '' && isPlain ? url : undefined;
}

/** Without the brackets of an IPv6 address. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

/** For people: without user and password. */
export const tellRedis = ({ nodes, isTls, db }: RedisAddress): string =>
  nodes
    .map(
      ({ host, port }) =>
        `${isTls ? 'rediss' : 'redis'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    )
    .join(',') + (db === 0 ? '' : `/${db}`);
