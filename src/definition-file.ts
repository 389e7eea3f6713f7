// Which file a definition was made in: so that a program may name a task by its definition, also where a test runner
// has loaded that file a second time in its own way.

/** Found by this, whichever copy of the package made the definition. */
const fileKey = Symbol.for('millrace.file');

/** Notes the file that calls `maker`. Best effort: undefined stays what a bundler or an old engine does not tell. */
export function noteFile(definition: object, maker: (definition: never) => unknown): void {
  const file = callerOf(maker);
  if (file !== undefined && Object.isExtensible(definition))
    Object.defineProperty(definition, fileKey, { value: file });
}

/** A path or a file:// URL. */
export function fileOf(definition: object): string | undefined {
  const file: unknown = Reflect.get(definition, fileKey);
  return typeof file === 'string' ? file : undefined;
}

function callerOf(maker: (definition: never) => unknown): string | undefined {
  const { prepareStackTrace, stackTraceLimit } = Error;
  // The call sites themselves: a stack's text names sources where source maps are on.
  Error.prepareStackTrace = (_error, sites) => sites;
  Error.stackTraceLimit = 1;
  try {
    const holder: { stack?: unknown } = {};
    Error.captureStackTrace(holder, maker);
    const sites: unknown = holder.stack;
    const site: unknown = Array.isArray(sites) ? sites[0] : undefined;
    const named = typeof site === 'object' && site !== null ? Reflect.get(site, 'getFileName') : undefined;
    const file: unknown = typeof named === 'function' ? Reflect.apply(named, site, []) : undefined;
    return typeof file === 'string' ? file : undefined;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}
