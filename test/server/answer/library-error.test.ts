// Errors of Express and its middleware, made by these themselves.
import express, { type ErrorRequestHandler } from 'express';
import createError from 'http-errors';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { AppError, errorTable } from '#src/errors.js';
import { errorOfLibrary } from '#src/server/answer/library-error.js';

/** The last thing that was thrown at its end. */
let thrown: unknown;
const app = express();
app.use('/json', express.json({ limit: 10 }), express.urlencoded({ limit: 10, parameterLimit: 1 }));
app.get('/files/:name', (req, res, next) => {
  res.sendFile(req.params.name, { root: import.meta.dirname }, (error) => error && next(error));
});
const remember: ErrorRequestHandler = (error, _req, res, _next) => {
  thrown = error;
  res.end();
};
app.use(remember);

const file = 'library-error.test.ts';
const post = (type: string) => request(app).post('/json').set('Content-Type', type);

describe('what Express and its middleware refuse is refused by us', () => {
  it.each([
    ['a body that is no JSON', () => post('application/json').send('{'), 'MALFORMED_BODY'],
    ['a body beyond its limit', () => post('application/json').send('[0,1,2,3,4,5]'), 'BODY_TOO_LARGE'],
    [
      'a charset it does not know',
      () => post('application/json; charset=latin1').send('{}'),
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'an encoding that is none',
      () => post('application/json').set('Content-Encoding', 'x').send('{}'),
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'a body that does not unpack',
      () => post('application/json').set('Content-Encoding', 'gzip').send('no gzip'),
      'BAD_REQUEST',
    ],
    [
      'more parameters than it takes',
      () => post('application/x-www-form-urlencoded').send('a=1&b=2'),
      'BODY_TOO_LARGE',
    ],
    ['a path that is not encoded soundly', () => request(app).get('/files/%ff'), 'BAD_REQUEST'],
    ['a path with a NUL', () => request(app).get('/files/%00'), 'BAD_REQUEST'],
    ['a path out of its folder', () => request(app).get('/files/..%2fx'), 'FORBIDDEN'],
    ['a file that is not there', () => request(app).get('/files/x'), 'NOT_FOUND'],
    [
      'a range behind the end',
      () => request(app).get(`/files/${file}`).set('Range', 'bytes=999999-'),
      'RANGE_NOT_SATISFIABLE',
    ],
    [
      'a tag that does not match',
      () => request(app).get(`/files/${file}`).set('If-Match', '"x"'),
      'PRECONDITION_FAILED',
    ],
  ] as const)('%s', async (_title, send, code) => {
    thrown = undefined;
    await send();
    const refusal = errorOfLibrary(thrown);
    expect({ thrown, code: refusal?.code }).toMatchObject({ code });
    expect(refusal?.message).not.toContain(import.meta.dirname);
    expect(refusal?.cause).toBe(thrown);
  });
});

it.each([
  [403, 'FORBIDDEN', 'Forbidden'],
  [409, 'CONFLICT', 'Conflict'],
  [410, 'GONE', 'Gone'],
  [418, 'IM_A_TEAPOT', "I'm a Teapot"],
  [422, 'UNPROCESSABLE_ENTITY', 'Unprocessable Entity'],
  [429, 'TOO_MANY_REQUESTS', 'Too Many Requests'],
  [502, 'BAD_GATEWAY', 'Bad Gateway'],
  [503, 'SERVICE_UNAVAILABLE', 'Service Unavailable'],
])('a status of its own stays: %i is %s', (status, toldCode, title) => {
  const error = errorOfLibrary(Object.assign(new Error('inner'), { statusCode: status }));
  expect(error).toMatchObject({ status, toldCode, title, message: title });
});

it('a message is told where it was written for the client, and never with a path of this machine in it', () => {
  expect(errorOfLibrary(createError(409, 'The name is taken.'))?.message).toBe('The name is taken.');
  expect(errorOfLibrary(createError(503, 'db-7 is down'))?.message).toBe('Service Unavailable');
  const missing = Object.assign(new Error('ENOENT, stat /srv/secret'), { syscall: 'stat' });
  expect(errorOfLibrary(createError(404, missing))?.message).not.toContain('secret');
});

it('the headers that a library wants sent are sent', () => {
  const error = Object.assign(new Error(), { status: 416, headers: { 'Content-Range': 'bytes */7' } });
  expect(errorOfLibrary(error)?.headers).toEqual({ 'Content-Range': 'bytes */7' });
});

it('what names no status stays a fault of the server', () => {
  const own = new AppError('INVALID_INPUT', 'x');
  const faults = [
    new Error(),
    Object.assign(new Error(), { status: 500 }),
    { status: '404' },
    undefined,
    own,
  ];
  for (const fault of faults) expect(errorOfLibrary(fault)).toBeUndefined();
});

it('every code below 500 but those of 400 and of jobs is the only one of its status', () => {
  const ofJobs = ['NOT_READY', 'GONE', 'IDEMPOTENCY_MISMATCH'];
  const others = Object.entries(errorTable).filter(([code]) => !ofJobs.includes(code));
  const statuses = others.map(([, { status }]): number => status);
  const mapped = statuses.filter((status) => status > 400 && status < 500);
  expect(new Set(mapped).size).toBe(mapped.length);
});
