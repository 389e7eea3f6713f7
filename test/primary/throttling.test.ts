// Which counts of a throttled group are this process's: on the files of cgroup v1 and v2, as kernels write them.
import { expect, it } from 'vitest';
import { throttledPeriods } from '#src/primary/throttling.js';

const read = (files: Record<string, string>) => (path: string) => files[path];

it('takes the own group and those above it, of cgroup v2', () => {
  const files = {
    '/proc/self/cgroup': '0::/shop.slice/api.service\n',
    '/proc/self/mountinfo': '30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n',
    '/sys/fs/cgroup/cpu.stat': 'usage_usec 5\n',
    '/sys/fs/cgroup/shop.slice/cpu.stat': 'usage_usec 5\nnr_periods 90\nnr_throttled 7\nthrottled_usec 1\n',
    '/sys/fs/cgroup/shop.slice/api.service/cpu.stat': 'nr_periods 90\nnr_throttled 35\n',
  };
  expect(throttledPeriods(read(files))).toBe(42);
});

it('takes a container’s own view of cgroup v1', () => {
  const files = {
    '/proc/self/cgroup': '4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n',
    '/proc/self/mountinfo':
      '40 30 0:29 /docker/abc /sys/fs/cgroup/cpu ro shared:9 - cgroup cgroup rw,cpu,cpuacct\n',
    '/sys/fs/cgroup/cpu/cpu.stat': 'nr_periods 9\nnr_throttled 4\nthrottled_time 1\n',
  };
  expect(throttledPeriods(read(files))).toBe(4);
});

it('is unknown where the kernel tells of none', () => {
  expect(throttledPeriods(read({}))).toBeUndefined();
});
