// The API's description, held against a public validator, the routes of the app, and the answers of a real server.
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import express from 'express';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorTable } from '#src/errors.js';
import { testServer } from '#src/library/testing.js';
import { fixedPaths } from '#src/server/answer/resource.js';
import { type AppDeps, addRoutes, createApp } from '#src/server/app.js';
import { apiDocument } from '#src/server/openapi/document.js';
import { addProbes } from '#src/server/routes/probes.js';
import { loadTasks } from '#src/tasks/registry.js';
import { builtInTasks, describedTasks, operationsOf, type Schema } from '../../support/api.js';
import { ioDeps } from '../../support/app.js';
import { startTestServer, type TestServer } from '../../support/server.js';

const tasks = await loadTasks([builtInTasks, describedTasks]);
const document = JSON.parse(
  JSON.stringify(apiDocument(tasks, { title: 'millrace', version: '1.2.3' }, { keyed: false, quota: false })),
);
const operations = operationsOf(document);

describe('the description', () => {
  it('is OpenAPI 3.1 to a public validator', async () => {
    expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
  });

  it('has every route of the app, and no other', async () => {
    const served = await routesOf(ioDeps({ tasks }));
    const described = operations.map(({ method, path }) => `${method} ${path}`);
    // The parts of the page are no interface.
    expect(served.filter((route) => route !== 'get /docs/{version}/{asset}')).toEqual(described.toSorted());
  });

  it('names operations for good, each once', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(
      expect.arrayContaining([
        'hello',
        'ioDelay',
        'hash.post',
        'hash.get',
        'hash.verify.post',
        'compute.get',
      ]),
    );
  });

  it('refers only to parts that are there, and has no part that nobody refers to', () => {
    const text = JSON.stringify(document);
    const refs = new Set([...text.matchAll(/"\$ref":"#\/components\/([^"]+)"/g)].map(([, ref]) => ref));
    const parts = Object.entries<object>(document.components).flatMap(([section, named]) =>
      Object.keys(named).map((name) => `${section}/${name}`),
    );
    expect([...refs].toSorted()).toEqual(parts.toSorted());
  });

  it('shares what a task’s own schemas share, recursion too', () => {
    expect(document.components.schemas['tree.input']).toMatchObject({
      properties: { root: { $ref: '#/components/schemas/tree.input.Tree' } },
    });
    expect(document.components.schemas['tree.input.Tree'].properties.children.items).toEqual({
      $ref: '#/components/schemas/tree.input.Tree',
    });
  });

  it('takes numbers that carry an id of their own for numbers in the GET form', () => {
    const [depth] =
      operations.find(({ operation }) => operation.operationId === 'tree.get')?.operation.parameters ?? [];
    expect(depth).toMatchObject({ name: 'depth', schema: { type: 'integer' }, example: 3 });
  });

  it('has the answer of each operation first, and one problem for all that can go wrong', () => {
    for (const [path, item] of Object.entries<object>(document.paths)) {
      for (const { responses } of Object.values(item)) {
        const statuses = path === '/readyz' ? ['200', '503', 'default'] : ['200', 'default'];
        expect(Object.keys(responses), path).toEqual(statuses);
        expect(responses.default, path).toEqual({ $ref: '#/components/responses/Problem' });
      }
    }
  });

  it('has a table of the codes that a caller may meet, with their statuses', () => {
    const { description } = document.components.responses.Problem;
    const told = [...description.matchAll(/^\| (\d+) \| `(\w+)` \| \S/gm)].map(([, status, code]) => [
      code,
      Number(status),
    ]);
    const ofJobs = ['NOT_READY', 'GONE', 'IDEMPOTENCY_MISMATCH'];
    const elsewhere = ['FORBIDDEN', 'CONFLICT', 'UNAUTHORIZED', 'QUOTA_EXCEEDED', ...ofJobs];
    const codes = Object.entries(errorTable).filter(([code]) => !elsewhere.includes(code));
    expect(told).toEqual(codes.map(([code, { status }]) => [code, status]));
    expect(document.components.schemas.Problem.properties.code.enum).toEqual(Object.keys(errorTable));
  });

  it('sends calls to where it came from', () => {
    expect(document.servers).toEqual([{ url: '.', description: expect.any(String) }]);
  });
});

it('what a task says of its replies is described, and is what it answers', async () => {
  const tasks = new URL('../../fixtures/replying', import.meta.url);
  const server = await testServer({ tasks, threads: false, jobs: 'off' });
  try {
    const document = JSON.parse(await (await fetch(`${server.url}/openapi.json`)).text());
    expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
    const [post] = operationsOf(document).filter(({ operation }) => operation.operationId === 'stored.post');
    const responses = post?.operation.responses ?? {};
    expect(Object.keys(responses)).toEqual(['201', '204', 'default']);
    expect(responses[204]).not.toHaveProperty('content');
    for (const [input, status] of [
      [{ n: 1 }, 201],
      [{ n: 1, again: true }, 204],
    ] as const) {
      const answer = await fetch(`${server.url}/stored`, {
        method: 'POST',
        body: JSON.stringify(input),
        headers: { 'Content-Type': 'application/json' },
      });
      expect(answer.status).toBe(status);
      for (const header of Object.keys(responses[status]?.headers ?? {}))
        expect(answer.headers.has(header), header).toBe(true);
    }
    expect(Object.keys(responses[201]?.headers ?? {})).toContain('Location');
    expect(document.components.schemas['stored.201.output'].required).toEqual(['stored']);
  } finally {
    await server.close();
  }
});

it('the description of a server with jobs is valid, and has what a call needs to become one', async () => {
  const withJobs = JSON.parse(
    JSON.stringify(
      apiDocument(tasks, { title: 'millrace', version: '1.2.3' }, { keyed: true, quota: false, jobs: true }),
    ),
  );
  expect(await new Validator().validate(structuredClone(withJobs))).toEqual({ valid: true });
  const { post } = withJobs.paths['/hash'];
  expect(Object.keys(post.responses)).toEqual(['200', '202', 'default']);
  const names = post.parameters.map(({ $ref = '' }: { $ref?: string }) => $ref.split('/').at(-1));
  expect(names).toEqual(expect.arrayContaining(['Prefer', 'Idempotency-Key']));
  expect(withJobs.components.responses.Problem.description).toContain('| 404 | `NOT_READY` |');
});

describe('the description of a server with keys and quotas', () => {
  const guarded = JSON.parse(
    JSON.stringify(apiDocument(tasks, { title: 'millrace', version: '1.2.3' }, { keyed: true, quota: true })),
  );
  const byId = new Map(operationsOf(guarded).map(({ operation }) => [operation.operationId, operation]));

  it('is valid, and says where a key is asked for and what happens without it', async () => {
    expect(await new Validator().validate(structuredClone(guarded))).toEqual({ valid: true });
    expect(byId.get('hash.post')).toMatchObject({ security: [{ bearer: [] }, { apiKey: [] }] });
    const { description } = guarded.components.responses.Problem;
    expect(description).toMatch(/^\| 401 \| `UNAUTHORIZED` /m);
    expect(description).toMatch(/^\| 429 \| `QUOTA_EXCEEDED` /m);
    expect(Object.keys(byId.get('hello')?.responses.default?.headers ?? {})).toContain('WWW-Authenticate');
    for (const status of ['200', 'default'])
      expect(Object.keys(byId.get('hash.post')?.responses[status]?.headers ?? {})).toEqual(
        expect.arrayContaining(['RateLimit', 'RateLimit-Policy']),
      );
    for (const open of ['livez', 'readyz', 'openapi', 'docs'])
      expect(byId.get(open)).not.toHaveProperty('security');
  });
});

describe('every operation, called with its own example,', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ TASKS_DIR: describedTasks, QUEUE_MAX_WAIT_MS: '60000', JOBS: 'off' });
  });
  afterAll(() => server.close('stop', 10_000));

  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv);
  ajv.addSchema(document, 'api');

  it.each(operations.flatMap(({ calls }) => calls))('$title answers as described', async (call) => {
    const res = await fetch(server.url + call.target, call.init);
    const type = res.headers.get('content-type') ?? '';
    const body = type.startsWith('application/json') ? await res.json() : await res.text();
    expect({ status: res.status, body }).toMatchObject({ status: 200 });

    const { content, headers } = call.answer;
    for (const name of Object.keys(headers)) expect(res.headers.has(name), name).toBe(true);
    const media = type.split(';', 1)[0] ?? '';
    const described = content[media] ?? content['*/*'];
    expect(described, `the media type ${media}`).toBeDefined();
    if (described?.schema !== undefined) expectToFit(described.schema, body);
  });

  it.each(['hash', 'hash.verify', 'compute'])('%s answers its first example as it is shown', async (name) => {
    const { examples } = document.components.schemas[`${name}.output`];
    const call = operations.find(({ operation }) => operation.operationId === `${name}.post`)?.calls[0];
    const res = await fetch(server.url + call?.target, call?.init);
    expect(examples).toEqual([await res.json()]);
  });

  it('a task without examples is described, and called by nobody', () => {
    const bare = operations.filter(({ path }) => path === '/bare');
    expect(bare.map(({ method, calls }) => [method, calls])).toEqual([
      ['get', []],
      ['post', []],
    ]);
  });

  it('GET /openapi.json is this document, and is not sent twice to whom keeps it', async () => {
    const res = await fetch(`${server.url}/openapi.json`);
    const { paths } = (await res.json()) as { paths: object };
    expect(paths).toEqual(document.paths);
    const again = await fetch(`${server.url}/openapi.json`, {
      headers: { 'If-None-Match': res.headers.get('etag') ?? '', 'Cache-Control': 'max-age=0' },
    });
    expect(again.status).toBe(304);
  });

  it('its errors fit their schema', async () => {
    const res = await fetch(`${server.url}/hash`, { method: 'PUT' });
    expect(res.headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS');
    expectToFit({ $ref: '#/components/schemas/Problem' }, await res.json());
  });

  function expectToFit(schema: Schema, value: unknown): void {
    const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')));
    expect(validate(value), ajv.errorsText(validate.errors)).toBe(true);
  }
});

/** What the app answers, as `get /path/{parameter}`: its paths as it keeps them, their methods as it tells them. */
async function routesOf(deps: AppDeps): Promise<string[]> {
  const paths = fixedPaths(1_000);
  const patterns = express();
  addProbes(paths, deps.readiness);
  addRoutes(patterns, paths, deps);
  const all = [...paths.list(), ...patterns.router.stack.flatMap(({ route }) => route?.path ?? [])];
  const routes = await Promise.all(
    all.map(async (path) => {
      const res = await request(createApp(deps)).options(path.replace(':operation', 'primes')).expect(204);
      const methods = res.headers.allow?.toLowerCase().split(', ') ?? [];
      return methods.map((method) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    }),
  );
  return routes
    .flat()
    .filter((route) => !/^(head|options) /.test(route))
    .toSorted();
}
