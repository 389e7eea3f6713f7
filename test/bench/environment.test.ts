// What somebody's shell exports must not change what is measured.
import { expect, onTestFinished, test } from 'vitest';
import { environmentWith } from '../../bench/environment.js';

const exported = {
  LOG_LEVEL: 'warn',
  POOL_NICE: '0',
  WEB_CONCURRENCY: '7',
  NODE_CLUSTER_SCHED_POLICY: 'none',
};

test('settings and their aliases are left out, what the scenario wants and all else is passed on', () => {
  const before = { ...process.env };
  onTestFinished(() => {
    process.env = before;
  });
  Object.assign(process.env, exported);
  const env = environmentWith({ POOL_NICE: '19' });
  for (const name of ['LOG_LEVEL', 'WEB_CONCURRENCY', 'NODE_CLUSTER_SCHED_POLICY'])
    expect(env).not.toHaveProperty(name);
  expect(env).toMatchObject({ POOL_NICE: '19', PATH: process.env.PATH });
});
