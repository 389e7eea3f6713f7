import { describe, expect, it } from 'vitest';
import { budget, threadsPerProcess, usableCores } from '#src/core-budget.js';

const v2Mount =
  '35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate';
const v1Mount =
  '33 24 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:11 - cgroup cgroup rw,cpu,cpuacct\n' +
  '34 24 0:29 / /sys/fs/cgroup/memory rw,nosuid shared:12 - cgroup cgroup rw,memory';

interface Case {
  readonly title: string;
  readonly affinity?: number;
  readonly cgroup?: string;
  readonly mountinfo?: string;
  readonly files?: Record<string, string>;
  readonly cores: number;
}

const cases: Case[] = [
  { title: 'no cgroups at all (macOS)', cores: 8 },
  {
    title: 'v2 without a quota',
    cgroup: '0::/user.slice/user-1000.slice/session-2.scope\n',
    mountinfo: v2Mount,
    files: {
      '/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/user.slice/cpu.max': 'max 100000\n',
    },
    cores: 8,
  },
  {
    title: 'v2 in a container of 1.5 CPUs, rounded up',
    cgroup: '0::/\n',
    mountinfo:
      '2108 2091 0:30 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate',
    files: { '/sys/fs/cgroup/cpu.max': '150000 100000\n' },
    cores: 2,
  },
  {
    title: 'v2 nested: the smallest of the ancestors counts',
    cgroup: '0::/kubepods.slice/pod1.slice/app.scope\n',
    mountinfo: v2Mount,
    files: {
      '/sys/fs/cgroup/kubepods.slice/cpu.max': '600000 100000\n',
      '/sys/fs/cgroup/kubepods.slice/pod1.slice/cpu.max': '300000 100000\n',
      '/sys/fs/cgroup/kubepods.slice/pod1.slice/app.scope/cpu.max': '400000 100000\n',
    },
    cores: 3,
  },
  {
    title: "v2 without a namespace of its own: the host's path, the container's mount",
    cgroup: '0::/docker/4f2a\n',
    mountinfo: '700 690 0:30 /docker/4f2a /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw',
    files: { '/sys/fs/cgroup/cpu.max': '200000 100000\n' },
    cores: 2,
  },
  {
    title: 'v2 in a foreign namespace: the mount counts',
    cgroup: '0::/../../other\n',
    mountinfo: v2Mount,
    files: { '/sys/fs/cgroup/cpu.max': '200000 100000\n' },
    cores: 2,
  },
  {
    title: 'v1 with a quota',
    cgroup: '12:memory:/docker/9c\n4:cpu,cpuacct:/docker/9c\n1:name=systemd:/docker/9c\n0::/system.slice\n',
    mountinfo: v1Mount,
    files: {
      '/sys/fs/cgroup/cpu,cpuacct/docker/9c/cpu.cfs_quota_us': '250000\n',
      '/sys/fs/cgroup/cpu,cpuacct/docker/9c/cpu.cfs_period_us': '50000\n',
    },
    cores: 5,
  },
  {
    title: 'v1 with -1: no quota',
    cgroup: '4:cpu,cpuacct:/\n',
    mountinfo: v1Mount,
    files: {
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    },
    cores: 8,
  },
  {
    title: 'v1 nested, and a cpuset controller that is not cpu',
    cgroup: '7:cpuset:/a/b\n4:cpu:/a/b\n',
    mountinfo:
      '30 24 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n31 24 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
    files: {
      '/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us': '100000\n',
      '/sys/fs/cgroup/cpu/a/cpu.cfs_period_us': '100000\n',
      '/sys/fs/cgroup/cpuset/a/b/cpu.cfs_quota_us': '1\n',
    },
    cores: 1,
  },
  {
    title: 'hybrid: v1 has the cpu controller, v2 is mounted beside it',
    cgroup: '3:cpu,cpuacct:/job\n0::/job\n',
    mountinfo: `${v1Mount}\n40 24 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw`,
    files: {
      '/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us': '700000\n',
      '/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us': '100000\n',
    },
    cores: 7,
  },
  {
    title: 'less than one core: still one',
    cgroup: '0::/\n',
    mountinfo: v2Mount,
    files: { '/sys/fs/cgroup/cpu.max': '5000 100000\n' },
    cores: 1,
  },
  {
    title: 'affinity below the quota',
    affinity: 2,
    cgroup: '0::/\n',
    mountinfo: v2Mount,
    files: { '/sys/fs/cgroup/cpu.max': '400000 100000\n' },
    cores: 2,
  },
  {
    title: 'a mount point with a blank in its name',
    cgroup: '0::/\n',
    mountinfo: '35 24 0:30 / /mnt/c\\040group rw - cgroup2 cgroup2 rw',
    files: { '/mnt/c group/cpu.max': '300000 100000\n' },
    cores: 3,
  },
  { title: 'nonsense', cgroup: 'no\n::\n', mountinfo: 'x - y\n\n', cores: 8 },
];

describe('usable cores', () => {
  it.each(cases)('$title', ({ affinity = 8, cgroup, mountinfo, files = {}, cores }) => {
    const all: Record<string, string | undefined> = {
      ...files,
      '/proc/self/cgroup': cgroup,
      '/proc/self/mountinfo': mountinfo,
    };
    expect(usableCores(affinity, (path) => all[path])).toBe(cores);
  });
});

describe('the budget', () => {
  const auto = { workers: 'auto', poolMinThreads: 1, poolMaxThreads: 'auto' } as const;

  it.each([
    [auto, 1, 1, 2],
    [auto, 2, 2, 2],
    [auto, 8, 8, 2],
    [{ ...auto, workers: 1 }, 2, 1, 3],
    [{ ...auto, workers: 3 }, 8, 3, 4],
    [{ ...auto, workers: 16 }, 4, 16, 2],
    [{ ...auto, poolMaxThreads: 1 }, 4, 4, 1],
    [{ ...auto, poolMinThreads: 6 }, 4, 4, 6],
  ] as const)(
    'of %j on %i cores: %i server processes with %i threads',
    (config, cores, processes, threads) => {
      expect(budget(config, cores)).toEqual({ serverProcesses: processes, threadsPerProcess: threads });
      expect(threadsPerProcess(config, cores, processes)).toBe(threads);
    },
  );
});
