import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { ioApp, listeningLog, taskApps, testConfig } from '../support/app.js';
import { startCluster } from '../support/cluster.js';
import { taskFolder } from '../support/task-folder.js';

const trace = '0af7651916cd43dd8448eb211c80319c';

describe('the access log', () => {
  it('tells of every request with ACCESS_LOG=all, without its query', async () => {
    const { log, lines } = listeningLog();
    const app = ioApp({ log, config: testConfig({ ACCESS_LOG: 'all' }) });
    await request(app)
      .get('/io/delay?ms=1')
      .set('X-Request-Id', 'me')
      .set('traceparent', `00-${trace}-b7ad6b7169203331-01`);
    await request(app).get('/nothing?password=1');
    expect(lines).toMatchObject([
      { method: 'GET', path: '/io/delay', status: 200, requestId: 'me', traceId: trace, client: '127.0.0.1' },
      { method: 'GET', path: '/nothing', status: 404 },
    ]);
    expect(lines[0]?.durationMs).toBeGreaterThan(0);
    expect(JSON.stringify(lines)).not.toContain('password');
  });

  it('tells of failures with ACCESS_LOG=errors, of the rest at debug, and of nothing when it is off', async () => {
    const tasks = await taskApps();
    for (const [setting, expected, atDebug] of [
      ['errors', ['The task failed.'], ['/', '/nothing']],
      ['off', ['The task failed.'], []],
    ] as const) {
      const { log, lines } = listeningLog('debug');
      const app = tasks.app({ log, config: testConfig({ ACCESS_LOG: setting }) });
      await request(app).get('/').expect(200);
      await request(app).get('/nothing').expect(404);
      await request(app).post('/fail').set('X-Request-Id', 'me').send({ how: 'throw' }).expect(500);
      const [loud, quiet] = [
        lines.filter(({ level }) => level !== 20),
        lines.filter(({ level }) => level === 20),
      ];
      expect(loud.map(({ msg }) => msg)).toEqual(expected);
      expect(loud[0]).toMatchObject({
        requestId: 'me',
        code: 'TASK_FAILED',
        task: 'fail',
        path: '/fail',
        status: 500,
      });
      expect(loud[0]?.durationMs).toBeGreaterThan(0);
      expect(loud[0]?.err).toMatchObject({
        type: 'TypeError',
        message: 'inner secret: deeper secret',
        code: 'E_SECRET',
        stack: expect.stringMatching(
          /^TypeError: inner[\s\S]*fail\.[\s\S]*caused by: RangeError: deeper[\s\S]*fail\./,
        ),
      });
      expect(quiet.map(({ path }) => path)).toEqual(atDebug);
    }
    await tasks.lane.close();
  });
});

it('one line tells of a call that ran for too long: which task, how long, and why', async () => {
  for (const [env, timeout, msg] of [
    [{ TASK_TIMEOUT_MS: '50' }, '200', 'The call was stopped at its time limit.'],
    [{}, '0.05', 'The deadline passed before the answer was there.'],
  ] as const) {
    const tasks = await taskApps(env);
    const { log, lines } = listeningLog();
    const app = tasks.app({ log, config: testConfig(env) });
    await request(app).post('/fail').set('Request-Timeout', timeout).send({ how: 'endless' }).expect(504);
    await tasks.lane.close();
    expect(lines).toMatchObject([
      { level: 40, msg, code: 'DEADLINE_EXCEEDED', task: 'fail', path: '/fail', status: 504 },
    ]);
    expect(lines[0]).not.toHaveProperty('err');
    expect(lines[0]?.durationMs).toBeGreaterThan(40);
  }
});

it('a stack names the sources of a task and of the server', async () => {
  using folder = taskFolder();
  const map = { version: 3, sources: ['original.ts'], names: [], mappings: 'AAAA;AACA;AACA;AACA' };
  const url = `data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`;
  folder.write(
    'mapped',
    `import { z } from 'zod';
export default { input: z.strictObject({}), query: true, run() { throw new Error('here'); } };
//# sourceMappingURL=${url}\n`,
  );
  await using cluster = await startCluster({ env: { WORKERS: '1', TASKS_DIR: folder.path } });
  await fetch(`${cluster.url}/mapped`);
  const line = await cluster.waitForLine(({ code }) => code === 'TASK_FAILED');
  const { err } = line as { err?: { stack?: string } };
  expect(err?.stack).toContain('/original.ts:2');
  expect(err?.stack).toContain('src/tasks/run-task.ts:');
});

it('onAnswer is told the pattern of the route, the status and the time', async () => {
  const seen: unknown[] = [];
  const tasks = await taskApps();
  const app = tasks.app({ onAnswer: (...all) => seen.push(all) });
  await request(app).get('/');
  await request(app).get('/shape/double?n=1');
  await request(app).get('/nothing/at/all');
  await request(app).delete('/io/echo');
  await tasks.lane.close();
  const time = expect.any(Number);
  expect(seen).toEqual([
    ['GET', '/', 200, time],
    ['GET', '/shape/:operation', 200, time],
    ['GET', 'unmatched', 404, time],
    ['DELETE', '/io/echo', 405, time],
  ]);
});
