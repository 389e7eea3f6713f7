// Every error a user can meet: its code, status and title, and the one funnel from `unknown` to AppError.
// What an error looks like on the wire is problem.ts.

/**
 * Code → HTTP status, title and when a user meets it. The titles are constant; what differs from case to case is the
 * detail. The README's table and the API's description are generated from this.
 */
export const errorTable = {
  INVALID_INPUT: {
    status: 400,
    title: 'Invalid input',
    when: 'The input does not fit its schema; `errors` says where.',
  },
  MALFORMED_BODY: {
    status: 400,
    title: 'Malformed body',
    when: 'The body is not UTF-8, not JSON, or nested too deep.',
  },
  BAD_REQUEST: {
    status: 400,
    title: 'Bad request',
    when: 'The request is not valid HTTP, or a header or the encoding of its URL is wrong.',
  },
  UNAUTHORIZED: { status: 401, title: 'Unauthorized', when: 'The request has no valid API key.' },
  FORBIDDEN: {
    status: 403,
    title: 'Forbidden',
    when: 'The admin server does not answer requests from there.',
  },
  NOT_FOUND: { status: 404, title: 'Not found', when: 'There is nothing at this path.' },
  NOT_READY: {
    status: 404,
    title: 'Not ready',
    when: 'The job has not ended yet, so it has no result.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'Method not allowed',
    when: 'The path does not have this method; `Allow` lists those it has.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    title: 'Request timeout',
    when: 'The headers or the body arrived too slowly.',
  },
  CONFLICT: {
    status: 409,
    title: 'Conflict',
    when: 'Another reload is running, or the job has not failed. Only the admin server answers so.',
  },
  GONE: {
    status: 410,
    title: 'Gone',
    when: 'The result of the job was kept for as long as results are; or the job was cancelled.',
  },
  PRECONDITION_FAILED: {
    status: 412,
    title: 'Precondition failed',
    when: 'What is there is not what `If-Match` names, or has changed since `If-Unmodified-Since`.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    title: 'Body too large',
    when: 'The body is larger than the limit; the connection is closed.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'Unsupported media type',
    when: 'The body has the wrong media type, or a Content-Encoding.',
  },
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    title: 'Range not satisfiable',
    when: 'The file ends before the `Range` that was asked for; `Content-Range` says how long it is.',
  },
  EXPECTATION_FAILED: {
    status: 417,
    title: 'Expectation failed',
    when: '`Expect` asks for something other than 100-continue.',
  },
  IDEMPOTENCY_MISMATCH: {
    status: 422,
    title: 'Idempotency key reused',
    when: 'The `Idempotency-Key` was used before, with another request.',
  },
  QUOTA_EXCEEDED: {
    status: 429,
    title: 'Quota exceeded',
    when: "The client's own quota is spent; `Retry-After` says how long to wait.",
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    title: 'Request header fields too large',
    when: 'The request line and headers are too large.',
  },
  INTERNAL: { status: 500, title: 'Internal error', when: 'A fault of the server; its log has the details.' },
  TASK_FAILED: {
    status: 500,
    title: 'Task failed',
    when: "The task threw, or returned what cannot be sent; the server's log has the details.",
  },
  THREAD_LOST: {
    status: 500,
    title: 'Thread lost',
    when: 'The thread died while the call ran: it exited or ran out of memory.',
  },
  OVERLOADED: {
    status: 503,
    title: 'Overloaded',
    when: 'The wait would be too long, so the request was refused at once; `Retry-After` says when to come back.',
  },
  SHUTTING_DOWN: {
    status: 503,
    title: 'Shutting down',
    when: 'The server is stopping; the connection is closed.',
  },
  DEADLINE_EXCEEDED: {
    status: 504,
    title: 'Deadline exceeded',
    when: 'The deadline passed while the call waited or ran, or a handler of the app did not answer.',
  },
} as const satisfies Record<string, { status: number; title: string; when: string }>;

export type ErrorCode = keyof typeof errorTable;

/** One thing wrong with an input: where (`a.0.1`, empty for the whole) and what. */
export interface InputIssue {
  readonly path: string;
  readonly message: string;
}

export interface AppErrorOptions {
  readonly cause?: unknown;
  /** What is wrong with the input, for 400s. */
  readonly issues?: readonly InputIssue[];
  /** Whole seconds, at least 1, for 429 and 503. */
  readonly retryAfterSeconds?: number;
  /** The methods a 405 allows. */
  readonly allow?: readonly string[];
  /** Further headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Nothing of the request has been done: a balancer may send it to another machine. */
  readonly notBegun?: boolean;
}

/** An error with a code. `message` is what the user reads as `detail`: never an inner message or a secret. */
export class AppError extends Error {
  override readonly name: string = 'AppError';
  readonly code: ErrorCode;
  readonly issues: readonly InputIssue[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly allow: readonly string[] | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly notBegun: boolean;
  /** The task of the call that ended so, for the log. */
  task: string | undefined;
  /** The route whose handler it was about, for the log, where the path alone does not tell. */
  route: string | undefined;

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.issues = options.issues;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.allow = options.allow;
    this.headers = options.headers;
    this.notBegun = options.notBegun ?? false;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get title(): string {
    return errorTable[this.code].title;
  }

  /** The code as it is told: that of the table, but for a status that has none there. */
  get toldCode(): string {
    return this.code;
  }
}

/**
 * A refusal for load: there may be a thousand a second and nobody reads where one was thrown, so it does not pay for
 * finding that out.
 */
export function refusalForLoad(
  code: 'OVERLOADED' | 'QUOTA_EXCEEDED',
  detail: string,
  options: AppErrorOptions & { readonly retryAfterSeconds: number },
): AppError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const refusal = new AppError(code, detail, options);
  Error.stackTraceLimit = stackTraceLimit;
  return refusal;
}

export const shuttingDown = (): AppError => new AppError('SHUTTING_DOWN', 'The server is stopping.');

export const deadlineExceeded = (): AppError =>
  new AppError('DEADLINE_EXCEEDED', 'The deadline passed before the answer was there.');

/** What was thrown → an AppError. Whatever is not one already is a fault of the server; it stays as `cause`. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  return new AppError('INTERNAL', 'The server met an error of its own; its log has the details.', {
    cause: thrown,
  });
}

/** The error of a call that a program made. Nobody needs to catch it: it becomes the answer of the task's own route. */
export class CallError extends AppError {
  override readonly name = 'CallError';

  /** What is wrong with the input, for INVALID_INPUT. */
  get errors(): readonly InputIssue[] | undefined {
    return this.issues;
  }

  /** Whether other calls of the same handler have begun nobody knows: so this does not say `notBegun`. */
  static of(error: AppError): CallError {
    const { issues, retryAfterSeconds, headers, cause } = error;
    const made = new CallError(error.code, error.message, {
      ...(issues && { issues }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      ...(headers && { headers }),
      ...(cause !== undefined && { cause }),
    });
    made.task = error.task;
    return made;
  }
}
