// What a Redis or Valkey server is not fit for, by what it says of itself (INFO). Pure.

export interface ServerFault {
  readonly message: string;
  /** Jobs do not work there at all. */
  readonly isFatal: boolean;
}

/** LPOS, which looks whether a ticket is still there, came with 6.0.6; BullMQ advises 6.2. */
const oldest = [6, 2] as const;

export function serverFaults(info: string, isCluster: boolean): ServerFault[] {
  const values = new Map(
    info.split(/\r?\n/).flatMap((line): [string, string][] => {
      const at = line.indexOf(':');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
  const faults: ServerFault[] = [];
  const version = values.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1]))
    faults.push({
      message: `Redis ${version} is too old for jobs: ${oldest.join('.')} or newer is needed.`,
      isFatal: true,
    });
  if (values.get('cluster_enabled') === '1' && !isCluster)
    faults.push({
      message: 'This Redis is a node of a cluster: name several nodes in REDIS_URL, or add ?cluster=true.',
      isFatal: true,
    });
  if (values.get('aof_enabled') === '0')
    faults.push({
      message:
        'This Redis forgets: its append-only file is off (appendonly no), so a restart loses jobs that were accepted.',
      isFatal: false,
    });
  const policy = values.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction')
    faults.push({
      message: `This Redis forgets: with maxmemory-policy ${policy} it throws away jobs where memory is short; set noeviction.`,
      isFatal: false,
    });
  return faults;
}
