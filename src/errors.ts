// Every error a user can meet: its code, status and title, and the one funnel from `unknown` to AppError.
// What an error looks like on the wire is server/problem.ts.

/** Code → HTTP status and title. The titles are constant; what differs from case to case is the detail. */
export const errorTable = {
  INVALID_INPUT: { status: 400, title: 'Invalid input' },
  MALFORMED_BODY: { status: 400, title: 'Malformed body' },
  BAD_REQUEST: { status: 400, title: 'Bad request' },
  UNAUTHORIZED: { status: 401, title: 'Unauthorized' },
  FORBIDDEN: { status: 403, title: 'Forbidden' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  REQUEST_TIMEOUT: { status: 408, title: 'Request timeout' },
  CONFLICT: { status: 409, title: 'Conflict' },
  BODY_TOO_LARGE: { status: 413, title: 'Body too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'Unsupported media type' },
  EXPECTATION_FAILED: { status: 417, title: 'Expectation failed' },
  QUOTA_EXCEEDED: { status: 429, title: 'Quota exceeded' },
  HEADERS_TOO_LARGE: { status: 431, title: 'Request header fields too large' },
  INTERNAL: { status: 500, title: 'Internal error' },
  TASK_FAILED: { status: 500, title: 'Task failed' },
  THREAD_LOST: { status: 500, title: 'Thread lost' },
  OVERLOADED: { status: 503, title: 'Overloaded' },
  SHUTTING_DOWN: { status: 503, title: 'Shutting down' },
  DEADLINE_EXCEEDED: { status: 504, title: 'Deadline exceeded' },
} as const satisfies Record<string, { status: number; title: string }>;

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
}

/** An error with a code. `message` is what the user reads as `detail`: never an inner message or a secret. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly issues: readonly InputIssue[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly allow: readonly string[] | undefined;

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.issues = options.issues;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.allow = options.allow;
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}

/** What was thrown → an AppError. Whatever is not one already is a fault of the server; it stays as `cause`. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  return new AppError('INTERNAL', 'The server met an error of its own; its log has the details.', {
    cause: thrown,
  });
}
