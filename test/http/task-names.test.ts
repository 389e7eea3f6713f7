// Tasks, kinds and fields that are named as what every object inherits, through everything that tells of them.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, nextEvent } from '../support/admin.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { millrace } from '../support/command.js';
import { type TaskFolder, taskFolder } from '../support/task-folder.js';

const names = ['constructor', 'toString', 'hasOwnProperty', 'valueOf'];
const source = (name: string) => `import { z } from 'zod';
export default {
  input: z.strictObject({ toString: z.string() }),
  examples: [{ toString: 'a' }, { toString: 'b' }],
  query: true,
  kind: () => 'constructor',
  fromBytes: (bytes, query) => ({ toString: String(query.constructor ?? 'none') }),
  run: (input) => ({ name: ${JSON.stringify(name)}, given: input.toString }),
};`;

describe('a task that is named as what every object has', () => {
  let folder: TaskFolder;
  let cluster: Cluster;
  beforeAll(async () => {
    folder = taskFolder();
    for (const name of names) folder.write(name, source(name));
    cluster = await startCluster({ env: { TASKS_DIR: folder.path, POOL_MAX_THREADS: '1' } });
    // Both server processes count, and one of them is lost: its counts are added to those of the other.
    for (const name of names) for (let i = 0; i < 2; i++) await called(name);
    await countedAll(2);
    await nextEvent(
      cluster.adminUrl,
      ({ type, data }) => type === 'lifecycle' && data.type === 'ready',
      () => process.kill(Number(cluster.serverPids()[0]), 'SIGKILL'),
    );
    for (const name of names) await called(name);
    await countedAll(3);
  });
  afterAll(async () => {
    await cluster.dispose();
    folder[Symbol.dispose]();
  });

  /** Both server processes have told: one that does not answer in time is told as it was before. */
  async function countedAll(times: number): Promise<void> {
    for (;;) {
      const { totals } = JSON.parse(await (await fetch(`${cluster.adminUrl}/status`)).text());
      if (names.every((name) => Object.hasOwn(totals, name) && totals[name].completed === times)) return;
      await delay(20);
    }
  }

  async function called(name: string): Promise<void> {
    const answer = await fetch(`${cluster.url}/${name}?toString=x`, { headers: { connection: 'close' } });
    expect(await answer.json()).toEqual({ name, given: 'x' });
  }

  const counts = {
    completed: 3,
    failed: 0,
    refused: 0,
    expired: 0,
    cancelled: 0,
    inline: expect.any(Number),
    thread: expect.any(Number),
  };

  it('is called by JSON, by the query and by bytes', async () => {
    const post = await fetch(`${cluster.url}/valueOf`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: 'x',
    });
    expect(await post.json()).toEqual({ name: 'valueOf', given: 'none' });
  });

  it.each(['constructor', 'toString', 'hasOwnProperty'])('%s is counted in /status', async (name) => {
    const { totals } = JSON.parse(await (await fetch(`${cluster.adminUrl}/status`)).text());
    expect(Object.hasOwn(totals, name) && totals[name]).toEqual(counts);
  });

  it.each(['constructor', 'toString', 'hasOwnProperty'])('%s is counted in the metrics', async (name) => {
    const text = await (await fetch(`${cluster.adminUrl}/metrics`)).text();
    const lines = [...text.matchAll(new RegExp(`^millrace_calls_total{task="${name}",.*} (\\d+)$`, 'gm'))];
    expect(lines.reduce((sum, [, value]) => sum + Number(value), 0)).toBe(3);
  });

  it('stands in millrace status', async () => {
    const { code, stdout } = await millrace(['status', '--admin-url', cluster.adminUrl]);
    expect(code).toBe(0);
    for (const name of names.slice(0, 3))
      expect(stdout).toMatch(new RegExp(`^${name} +(\\S+ +){3}3 +0 `, 'm'));
  });

  it('comes with the events that feed the dashboard', async () => {
    for await (const { type, data } of eventsOf(cluster.adminUrl)) {
      if (type !== 'snapshot') continue;
      const { totals } = JSON.parse(JSON.stringify(data.status));
      expect(Object.hasOwn(totals, 'constructor') && totals.constructor).toEqual(counts);
      break;
    }
  });

  it('is described, each with its answer and its examples', async () => {
    const document = JSON.parse(await (await fetch(`${cluster.url}/openapi.json`)).text());
    for (const name of names) {
      const { get, post } = document.paths[`/${name}`];
      const examples = post.requestBody.content['application/json'].examples;
      expect(Object.keys(examples)).toEqual(['constructor', 'example 2']);
      expect(get.parameters[0]).toMatchObject({ name: 'toString', example: 'a' });
      const ref: string = post.responses[200].$ref;
      const part = ref
        .split('/')
        .slice(1)
        .reduce((node, key) => (Object.hasOwn(node, key) ? node[key] : {}), document);
      expect(part).toMatchObject({ content: { 'application/json': {} } });
    }
  });
});
