import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import {
  createHold,
  jobEnded,
  jobEvents,
  jobId,
  jobOf,
  jobTasks,
  jsonOf,
  patternOf,
  postJob,
} from '../support/jobs.js';
import { startTestServer, type TestServer } from '../support/server.js';

async function server(env: Record<string, string> = {}): Promise<TestServer> {
  const started = await startTestServer({ TASKS_DIR: jobTasks, ...env });
  onTestFinished(async () => void (await started.close('stop', 1_000)));
  return started;
}

const codeOf = async (response: Response): Promise<unknown> => (await jsonOf(response)).code;

it('a call that prefers so is answered at once, and its result is there later as its route would give it', async () => {
  const { url } = await server();
  const input = { text: 'abc' };
  const plain = await (await postJob(url, 'blob', input, { Prefer: '' })).text();
  const accepted = await postJob(url, 'blob', input, { 'X-Request-Id': 'r1' });
  expect(accepted.status).toBe(202);
  const job = await jsonOf(accepted);
  expect(accepted.headers.get('location')).toBe(`/jobs/${job.id}`);
  expect(accepted.headers.get('preference-applied')).toBe('respond-async');
  expect(accepted.headers.get('retry-after')).toBe('1');
  expect(job).toMatchObject({ task: 'blob', attempts: expect.any(Number), error: null });
  expect(job.id).toMatch(/^j[0-9a-f]{32}$/);
  expect(await jobEnded(url, job.id)).toMatchObject({ state: 'completed', attempts: 1 });
  const result = await fetch(`${url}/jobs/${job.id}/result`);
  expect(result.status).toBe(200);
  expect(result.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(result.headers.get('server-timing')).toMatch(/^lane;desc="thread"/);
  expect(await result.text()).toBe(plain);
  const head = await fetch(`${url}/jobs/${job.id}/result`, { method: 'HEAD' });
  expect(head.headers.get('content-length')).toBe(String(plain.length));
});

it('bytes, large JSON and large results come through whole', async () => {
  const { url } = await server();
  const digest = (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex');
  const upload = new Uint8Array(1_048_576).map((_, i) => i % 241);
  const text = 'x'.repeat(900_000);
  const ids = [
    await jobId(url, 'blob', upload),
    await jobId(url, 'blob', { text }),
    await jobId(url, 'blob', { bytes: 20_000_000 }),
  ];
  for (const id of ids) expect(await jobEnded(url, id)).toMatchObject({ state: 'completed' });
  const [ofUpload, ofText, large] = await Promise.all(ids.map((id) => fetch(`${url}/jobs/${id}/result`)));
  expect(await ofUpload?.json()).toEqual({ length: 1_048_576, digest: digest(upload) });
  expect(await ofText?.json()).toEqual({ length: 900_000, digest: digest(text) });
  expect(large?.headers.get('content-type')).toBe('application/x-blob');
  const bytes = new Uint8Array((await large?.arrayBuffer()) ?? []);
  expect(bytes.length).toBe(20_000_000);
  expect(digest(bytes)).toBe(digest(patternOf(20_000_000)));
});

it('what is not valid is refused at once, large bodies too, and JOBS=off changes nothing', async () => {
  const { url } = await server();
  for (const body of [{ text: 7 }, { text: 7, more: 'x'.repeat(100_000) }]) {
    const refused = await postJob(url, 'blob', body);
    expect(refused.status).toBe(400);
    expect(await codeOf(refused)).toBe('INVALID_INPUT');
  }
  expect(await codeOf(await postJob(url, 'blob', {}, { 'Content-Type': 'text/plain' }))).toBe(
    'UNSUPPORTED_MEDIA_TYPE',
  );
  expect(await jsonOf(await fetch(`${url}/jobs`))).toEqual({ jobs: [], next: null });
  const off = await server({ JOBS: 'off' });
  const plain = await postJob(off.url, 'blob', { text: 'a' });
  expect(plain.status).toBe(200);
  expect(plain.headers.get('preference-applied')).toBeNull();
  expect((await fetch(`${off.url}/jobs`)).status).toBe(404);
});

it('what a task streams is the result, whole; a stream that breaks off has failed', async () => {
  const { url } = await server();
  const id = await jobId(url, 'lines', { lines: 20_000 });
  expect(await jobEnded(url, id)).toMatchObject({ state: 'completed' });
  const result = await fetch(`${url}/jobs/${id}/result`);
  expect(result.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(await result.text()).toBe(Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join(''));
  const broken = await jobId(url, 'lines', { lines: 100, breaks: true });
  expect(await jobEnded(url, broken)).toMatchObject({ state: 'failed', error: { code: 'TASK_FAILED' } });
});

it('who would rather wait a while gets the result where it is there in time', async () => {
  const hold = createHold();
  const { url } = await server();
  const quick = await postJob(url, 'blob', { text: 'a' }, { Prefer: 'respond-async, wait=30' });
  expect(quick.status).toBe(200);
  expect(quick.headers.get('preference-applied')).toBe('wait=30');
  expect(await jsonOf(quick)).toMatchObject({ length: 1 });
  const slow = await postJob(
    url,
    'held',
    { folder: hold.folder, name: 'a' },
    { Prefer: 'wait=1, respond-async' },
  );
  expect(slow.status).toBe(202);
  const { id } = await jsonOf(slow);
  hold.release();
  expect(await jobEnded(url, id)).toMatchObject({ state: 'completed' });
});

it('a job that fails says so, and its result is the problem that its route would have answered', async () => {
  const { url } = await server();
  const file = join(createHold().folder, 'runs');
  const id = await jobId(url, 'poison', { what: 'task', file });
  const ended = await jobEnded(url, id);
  expect(ended).toMatchObject({ state: 'failed', attempts: 1, error: { code: 'TASK_FAILED', status: 500 } });
  const result = await fetch(`${url}/jobs/${id}/result`);
  expect(result.status).toBe(500);
  const problem = await result.text();
  expect(JSON.parse(problem).code).toBe('TASK_FAILED');
  expect(problem).not.toContain('secret');
});

it('a thread that is lost is tried again, JOB_ATTEMPTS times', async () => {
  const hold = createHold();
  const { url } = await server({ JOB_ATTEMPTS: '2' });
  const id = await jobId(url, 'poison', { what: 'thread', file: join(hold.folder, 'runs') });
  expect(await jobEnded(url, id)).toMatchObject({
    state: 'failed',
    attempts: 2,
    error: { code: 'THREAD_LOST' },
  });
  expect(hold.begun('runs')).toHaveLength(2);
});

it('a job that runs or waits is cancelled, again and again, and is then gone', async () => {
  const hold = createHold();
  const { url } = await server();
  const running = await jobId(url, 'held', { folder: hold.folder, name: 'a' });
  await expect.poll(() => hold.begun('a')).toHaveLength(1);
  const waiting = await jobId(url, 'held', { folder: hold.folder, name: 'b' });
  const notReady = await fetch(`${url}/jobs/${waiting}/result`);
  expect([notReady.status, await codeOf(notReady)]).toEqual([404, 'NOT_READY']);
  await expect.poll(async () => (await jobOf(url, running)).progress?.done).toBe(0.5);
  for (const id of [waiting, running, waiting, running]) {
    expect((await fetch(`${url}/jobs/${id}`, { method: 'DELETE' })).status).toBe(204);
  }
  expect(await jobOf(url, running)).toMatchObject({
    state: 'cancelled',
    progress: { done: 0.5, note: 'held' },
  });
  await expect.poll(() => hold.wasStopped('a')).toBe(true);
  const gone = await fetch(`${url}/jobs/${waiting}/result`);
  expect([gone.status, await codeOf(gone)]).toEqual([410, 'GONE']);
  expect(hold.begun('b')).toEqual([]);
  expect((await fetch(`${url}/jobs/jnone`, { method: 'DELETE' })).status).toBe(404);
});

it('a job’s events have ids, and who comes back is told what it has missed', async () => {
  const hold = createHold();
  const { url } = await server();
  const id = await jobId(url, 'held', { folder: hold.folder, name: 'a' });
  const seen: { id: number; type: string; data: unknown }[] = [];
  for await (const event of jobEvents(url, id)) {
    seen.push(event);
    if (event.type === 'progress') hold.release();
  }
  expect(seen.at(-1)).toMatchObject({ type: 'end', data: { state: 'completed' } });
  expect(seen.find(({ type }) => type === 'progress')?.data).toEqual({ done: 0.5, note: 'held' });
  expect(seen.at(-2)).toMatchObject({ type: 'state', data: { state: 'completed' } });
  const ids = seen.map((event) => event.id);
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  const again = async (last: number) => {
    const types: string[] = [];
    for await (const { type } of jobEvents(url, id, { 'Last-Event-ID': String(last) })) types.push(type);
    return types;
  };
  expect(await again(ids.at(-3) ?? 0)).toEqual(['state', 'end']);
  const over = await fetch(`${url}/jobs/${id}/events`, { headers: { 'Last-Event-ID': String(ids.at(-1)) } });
  expect(over.status).toBe(204);
});

it('the same key is the same job: once it has ended, from fifty clients at once, never with another body', async () => {
  const hold = createHold();
  const { url } = await server();
  const key = { 'Idempotency-Key': '"k-1"' };
  const input = { folder: hold.folder, name: 'a' };
  const ids = await Promise.all(Array.from({ length: 50 }, () => jobId(url, 'held', input, key)));
  expect(new Set(ids).size).toBe(1);
  const other = await postJob(url, 'held', { ...input, name: 'b' }, key);
  expect([other.status, await codeOf(other)]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
  hold.release();
  await jobEnded(url, ids[0] ?? '');
  expect(hold.begun('a')).toHaveLength(1);
  // Bare, as nearly everybody writes it: the same key.
  expect(await jobId(url, 'held', input, { 'Idempotency-Key': 'k-1' })).toBe(ids[0]);
  const broken = await postJob(url, 'held', input, { 'Idempotency-Key': 'x'.repeat(300) });
  expect(await codeOf(broken)).toBe('BAD_REQUEST');
});

it('a list shows the caller’s own, newest first, by state, page by page', async () => {
  const hold = createHold();
  const { url } = await server();
  const ids: string[] = [];
  for (const name of ['a', 'b', 'c']) ids.unshift(await jobId(url, 'held', { folder: hold.folder, name }));
  const list = async (query: string) => jsonOf(await fetch(`${url}/jobs${query}`));
  expect((await list('')).jobs.map(({ id }: { id: string }) => id)).toEqual(ids);
  const first = await list('?limit=2');
  expect(first.jobs).toHaveLength(2);
  const second = await list(`?limit=2&cursor=${first.next}`);
  expect(second).toMatchObject({ jobs: [{ id: ids[2] }], next: null });
  await fetch(`${url}/jobs/${ids[0]}`, { method: 'DELETE' });
  expect((await list('?state=cancelled')).jobs).toMatchObject([{ id: ids[0] }]);
  for (const query of ['?state=odd', '?limit=0', '?limit=101', '?what=1'])
    expect(await codeOf(await fetch(`${url}/jobs${query}`))).toBe('INVALID_INPUT');
});

it('with API keys a client sees its own jobs only', async () => {
  const hold = createHold();
  const file = join(hold.folder, 'keys');
  const hash = (key: string) => createHash('sha256').update(key).digest('hex');
  writeFileSync(file, `ann:${hash('ann-key')}\nbob:${hash('bob-key')}\n`);
  const { url } = await server({ API_KEYS_FILE: file });
  const ann = { 'X-Api-Key': 'ann-key' };
  const bob = { 'X-Api-Key': 'bob-key' };
  const id = await jobId(url, 'blob', { text: 'a' }, ann);
  const get = (path: string, headers: Record<string, string>, method = 'GET') =>
    fetch(`${url}${path}`, { method, headers });
  expect((await get(`/jobs/${id}`, {})).status).toBe(401);
  for (const path of ['', '/result', '/events'])
    expect((await get(`/jobs/${id}${path}`, bob)).status).toBe(404);
  expect((await get(`/jobs/${id}`, bob, 'DELETE')).status).toBe(404);
  expect((await get(`/jobs/${id}`, ann)).status).toBe(200);
  expect((await jsonOf(await get('/jobs', bob))).jobs).toEqual([]);
  expect((await jsonOf(await get('/jobs', ann))).jobs).toMatchObject([{ id }]);
});

it('too many waiting are refused, with when to come back, and calls are not', async () => {
  const hold = createHold();
  const { url } = await server({ JOBS_MAX: '2' });
  const input = (name: string) => ({ folder: hold.folder, name });
  await jobId(url, 'held', input('a'));
  await expect.poll(() => hold.begun('a')).toHaveLength(1);
  await jobId(url, 'held', input('b'));
  await jobId(url, 'held', input('c'));
  const refused = await postJob(url, 'held', input('d'));
  expect([refused.status, await codeOf(refused)]).toEqual([503, 'OVERLOADED']);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(refused.headers.get('x-millrace-not-begun')).toBe('1');
  expect((await postJob(url, 'blob', { text: 'a' }, { Prefer: '' })).status).toBe(200);
});

it('results are kept for JOB_TTL_S', async () => {
  const { url } = await server({ JOB_TTL_S: '6' });
  const id = await jobId(url, 'blob', { text: 'a' });
  expect((await jobEnded(url, id)).expiresAt).not.toBeNull();
  await expect.poll(async () => (await fetch(`${url}/jobs/${id}/result`)).status).toBe(410);
  expect((await fetch(`${url}/jobs/${id}`)).status).toBe(200);
  expect((await jsonOf(await fetch(`${url}/jobs`))).jobs).toEqual([]);
});

it('ROUTE_PREFIX stands in front of jobs too, and the description has them', async () => {
  const { url } = await server({ ROUTE_PREFIX: '/cpu' });
  const accepted = await postJob(`${url}/cpu`, 'blob', { text: 'a' });
  const location = accepted.headers.get('location') ?? '';
  expect(location).toMatch(/^\/cpu\/jobs\/j/);
  expect((await fetch(url + location)).status).toBe(200);
  expect((await fetch(`${url}/jobs`)).status).toBe(404);
  const { paths } = await jsonOf(await fetch(`${url}/cpu/openapi.json`));
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining(['/jobs', '/jobs/{id}', '/jobs/{id}/result', '/jobs/{id}/events']),
  );
  expect(paths['/blob']?.post.responses).toHaveProperty('202');
});

it('quota: a job is charged to whoever asked for it, and refused once that is spent', async () => {
  const { url } = await server({ CPU_QUOTA_MS_PER_MINUTE: '20' });
  const id = await jobId(url, 'blob', { bytes: 30_000_000 });
  await jobEnded(url, id);
  const refused = await postJob(url, 'blob', { text: 'a' });
  expect([refused.status, await codeOf(refused)]).toEqual([429, 'QUOTA_EXCEEDED']);
});

it('quota: jobs that were accepted run all the same, and leave a debt', async () => {
  const hold = createHold();
  const { url } = await server({ CPU_QUOTA_MS_PER_MINUTE: '20', POOL_MAX_THREADS: '1' });
  const first = await jobId(url, 'held', { folder: hold.folder, name: 'a' });
  const ids = [
    first,
    await jobId(url, 'blob', { bytes: 30_000_000 }),
    await jobId(url, 'blob', { text: 'a' }),
  ];
  hold.release();
  for (const id of ids) expect(await jobEnded(url, id)).toMatchObject({ state: 'completed' });
});

it('a HEAD or OPTIONS of a job is answered, other methods are not', async () => {
  const { url } = await server();
  const id = await jobId(url, 'blob', { text: 'a' });
  const options = await fetch(`${url}/jobs/${id}`, { method: 'OPTIONS' });
  expect(options.headers.get('allow')).toBe('GET, HEAD, DELETE, OPTIONS');
  expect((await fetch(`${url}/jobs/${id}`, { method: 'HEAD' })).status).toBe(200);
  expect((await fetch(`${url}/jobs/${id}`, { method: 'PUT' })).status).toBe(405);
});
