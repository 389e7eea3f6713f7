// CPU routes, made from the tasks that were found: POST of JSON or bytes, and the GET form. Each one ends in a call to
// the lane; the order of refusals is the order of the handlers.
import type { Request, RequestHandler, Response, Router } from 'express';
import type { Config } from '../../config.js';
import { dictionary } from '../../dictionary.js';
import { AppError, shuttingDown } from '../../errors.js';
import { expectation } from '../../http/expectation.js';
import type { JobInput } from '../../jobs/job.js';
import { largestJsonOnLoopBytes } from '../../jobs/job-input.js';
import type { CallInput, Lane } from '../../lane/call.js';
import { jsonType } from '../../media-types.js';
import type { CloseMode } from '../../messages.js';
import type { TaskDefinition } from '../../task.js';
import { inputFromBytes } from '../../tasks/from-bytes.js';
import { validateInput } from '../../tasks/input.js';
import { fieldValues } from '../../tasks/input-shapes.js';
import { parseJson } from '../../tasks/json.js';
import { hasRoute, type Task } from '../../tasks/registry.js';
import { answerCall, answerHead } from '../answer/call-answer.js';
import type { Check } from '../answer/preconditions.js';
import { announcedLength, bodyTypeOf, mediaType, sendContinue } from '../answer/preconditions.js';
import { type FixedPaths, methodNotAllowed, optionsAnswer } from '../answer/resource.js';
import type { Quota } from '../guard/quota.js';
import { bodyTooLarge, readBody } from '../request/body.js';
import { clientOf } from '../request/client.js';
import { deadlineOf } from '../request/deadline.js';
import { asyncWish } from '../request/prefer.js';
import { noQuery, queryOf } from '../request/query.js';
import { type QueryForm, queryForm, querySchema } from '../request/query-form.js';
import { bytesOf, parsedBody } from '../request/read-body.js';
import { acceptJob, type JobsDeps } from './job-acceptance.js';

export interface TaskRoutesDeps {
  readonly config: Pick<Config, 'bodyLimitBytes' | 'uploadLimitBytes'>;
  readonly tasks: readonly Task[];
  readonly lane: Lane;
  readonly quota?: Quota | undefined;
  /** Asks who is there: in front of everything else that a method does. */
  readonly guard: readonly Check[];
  readonly closing: () => CloseMode | undefined;
  /** Undefined: every call is answered when it has ended. */
  readonly jobs?: JobsDeps | undefined;
}

export function addTasks(app: Router, paths: FixedPaths, deps: TaskRoutesDeps): void {
  for (const task of deps.tasks.filter(hasRoute)) {
    addTask(paths, task, deps);
    // Behind the fixed paths, so that none of these is taken for a parameter's value.
    addPathForm(app, paths, task, deps);
  }
}

function addTask(paths: FixedPaths, task: Task, deps: TaskRoutesDeps): void {
  const { definition, route } = task;
  const most = definition.limits?.bodyBytes ?? Number.POSITIVE_INFINITY;
  const bodyLimitBytes = Math.min(deps.config.bodyLimitBytes, most);
  const uploadLimitBytes = Math.min(deps.config.uploadLimitBytes, most);
  const accepts = definition.accepts?.map((range) => range.toLowerCase());
  const form = definition.pathParam === undefined ? queryForm(definition) : undefined;
  const takesBytes = definition.fromBytes !== undefined;
  const bytesQuery = bytesQueryCheck(definition);
  const limitOf = (req: Request) =>
    takesBytes && bodyTypeOf(req, accepts) === 'bytes' ? uploadLimitBytes : bodyLimitBytes;

  const checks = [...deps.guard, expectation];
  paths.add(route, {
    ...(form && { get: { checks: [...checks, room(task, deps)], answer: getForm(task, form, deps) } }),
    post: {
      checks: [
        ...checks,
        announcedLength(limitOf),
        takesBytes ? mediaType(['json', 'bytes'], accepts) : mediaType(['json']),
        room(task, deps),
      ],
      async answer(req, res) {
        const wish = deps.jobs && asyncWish(req.headers);
        const type = bodyTypeOf(req, accepts);
        if (deps.jobs !== undefined && wish !== undefined) {
          const given =
            type === 'bytes'
              ? await givenBytes(bytesQuery, req, res, uploadLimitBytes)
              : await givenJson(req, res, bodyLimitBytes);
          await acceptJob(deps.jobs, task, given, wish, req, res);
          return;
        }
        const input =
          type === 'bytes'
            ? bytesInput(task, await givenBytes(bytesQuery, req, res, uploadLimitBytes))
            : jsonInput(task, await jsonBody(req, res, bodyLimitBytes));
        const answered = answerCall(deps, task, input, req, res);
        // What is answered already needs no turn of the queue of promises.
        if (answered instanceof Promise) await answered;
      },
    },
  });
}

/** The GET form whose one field stands in the path. Where the field's values are listed, any other is no resource. */
function addPathForm(app: Router, paths: FixedPaths, task: Task, deps: TaskRoutesDeps): void {
  const { definition, route } = task;
  const { pathParam } = definition;
  const form = queryForm(definition);
  if (pathParam === undefined || form === undefined) return;

  const values = fieldValues(definition.input, pathParam);
  const exists: RequestHandler = (req, _res, next) => {
    if (values?.has(String(req.params[pathParam])) === false) {
      throw new AppError('NOT_FOUND', `There is nothing at ${req.baseUrl}${req.path}.`);
    }
    next();
  };
  // A value that only a body can go with.
  const postOnly: RequestHandler = (req, res, next) => {
    if (form.has(pathParam, String(req.params[pathParam]))) next();
    else if (req.method === 'OPTIONS') optionsAnswer(['OPTIONS'])(req, res, next);
    else methodNotAllowed(['OPTIONS'])(req, res, next);
  };
  const checks = [...deps.guard, expectation, room(task, deps)];
  const methods = { get: { checks, answer: getForm(task, form, deps) } };
  app.all(`${route}/:${pathParam}`, exists, postOnly, paths.resource(methods));
}

/** Refuses at once where no call is taken, before any body is read. A HEAD makes no call. */
function room(task: Task, { lane, closing, jobs }: TaskRoutesDeps): Check {
  return (req) => {
    if (req.method !== 'HEAD') {
      if (closing() === 'stop') throw shuttingDown();
      const isJob = jobs !== undefined && req.method === 'POST' && asyncWish(req.headers) !== undefined;
      // A job need not find a place among the calls.
      if (isJob) lane.checkQuota(task, clientOf(req));
      else lane.checkRoom(task, clientOf(req));
    }
  };
}

function getForm(task: Task, form: QueryForm, deps: TaskRoutesDeps): RequestHandler {
  const { definition } = task;
  const { pathParam } = definition;
  // A narrower schema decides what may be asked by GET; the input's own decides what `run` gets.
  const narrower = definition.query === true ? undefined : querySchema(definition);
  return (req, res) => {
    const parameters = queryOf(req);
    const given =
      pathParam === undefined
        ? form.inputOf(parameters)
        : form.inputOf(parameters, [pathParam, String(req.params[pathParam])]);
    if (narrower) validateInput({ input: narrower }, given);
    const value = validateInput(definition, given);
    if (req.method === 'HEAD') {
      deadlineOf(req);
      answerHead(task, res);
      return undefined;
    }
    return answerCall(deps, task, { type: 'value', value }, req, res);
  };
}

/** The body of a job, which is kept as it came. */
async function givenJson(req: Request, res: Response, limitBytes: number): Promise<JobInput> {
  const given = await jsonBody(req, res, limitBytes);
  const body = given instanceof Uint8Array ? given : new TextEncoder().encode(JSON.stringify(given.value));
  return { kind: 'json', contentType: jsonType, query: {}, body };
}

async function givenBytes(
  check: QueryCheck,
  req: Request,
  res: Response,
  limitBytes: number,
): Promise<JobInput> {
  const deadlineMs = deadlineOf(req);
  const parameters = queryOf(req);
  check(parameters);
  const query = dictionary(parameters);
  const body = await bodyBytes(req, res, limitBytes, deadlineMs);
  return { kind: 'bytes', contentType: req.headers['content-type'] ?? '', query, body };
}

/** What an app's own middleware made of a JSON body. */
interface ReadValue {
  readonly value: unknown;
}

function jsonInput({ definition }: Task, body: ReadValue | Uint8Array<ArrayBuffer>): CallInput {
  if (!(body instanceof Uint8Array)) return { type: 'value', value: validateInput(definition, body.value) };
  if (body.length > largestJsonOnLoopBytes) return { type: 'json', bytes: body };
  return { type: 'value', value: validateInput(definition, parseJson(body)) };
}

/** No async function, nor is bodyBytes: each one on a small call's way costs it a promise more. */
function jsonBody(
  req: Request,
  res: Response,
  limitBytes: number,
): ReadValue | Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
  const deadlineMs = deadlineOf(req);
  noQuery(req);
  const parsed = parsedBody(req);
  if (parsed !== undefined && bytesOf(parsed) === undefined) return { value: parsed };
  return bodyBytes(req, res, limitBytes, deadlineMs);
}

function bodyBytes(
  req: Request,
  res: Response,
  limitBytes: number,
  deadlineMs: number | undefined,
): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
  const read = bytesOf(parsedBody(req));
  if (read !== undefined) {
    if (read.length > limitBytes) throw bodyTooLarge(limitBytes);
    return read;
  }
  sendContinue(req, res);
  return readBody(req, limitBytes, deadlineMs);
}

type QueryCheck = (parameters: ReadonlyMap<string, string>) => void;

/** What may stand beside raw bytes is known before these are read. */
function bytesQueryCheck({ bytesQuery }: TaskDefinition): QueryCheck {
  if (bytesQuery === undefined) return () => undefined;
  const form = queryForm({ input: bytesQuery, query: true });
  return (parameters) => validateInput({ input: bytesQuery }, form?.inputOf(parameters));
}

function bytesInput({ definition }: Task, { body, query, contentType }: JobInput): CallInput {
  return { type: 'value', value: inputFromBytes(definition, body, query, contentType) };
}
