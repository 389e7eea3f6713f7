// Module hooks that serve the code that was kept (pinned-code.ts) instead of what lies on disk now. They run in the
// thread itself, or, where Node has no synchronous hooks (before 22.15), in the thread of its loader. They import
// nothing of ours: that would be of the disk's.
import type { InitializeHook, LoadFnOutput, LoadHookContext, ResolveHookContext } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { PinnedModules } from '../tasks/pinned-code.js';

type Modules = ReadonlyMap<string, { readonly format: string; readonly source: string }>;

let modules: Modules = new Map();
let imports: ReadonlyMap<string, string> = new Map();

export const initialize: InitializeHook<SharedArrayBuffer> = (memory) => {
  const pinned: PinnedModules = JSON.parse(Buffer.from(memory).toString());
  modules = new Map(pinned.modules);
  imports = new Map(pinned.imports);
};

/** As it is called with either kind of hooks: `next` returns a promise or not, and so does this. */
export function resolve<Next>(
  specifier: string,
  context: ResolveHookContext,
  next: (specifier: string, context: ResolveHookContext) => Next,
): Next | { url: string; format: string; shortCircuit: true } {
  const url = imports.get(`${withoutQuery(context.parentURL ?? '')} ${specifier}`) ?? specifier;
  const module = modules.get(withoutQuery(url));
  if (module === undefined) return next(specifier, context);
  return { url, format: module.format, shortCircuit: true };
}

export function load<Next>(
  url: string,
  context: LoadHookContext,
  next: (url: string, context: LoadHookContext) => Next,
): Next | LoadFnOutput {
  const module = modules.get(withoutQuery(url));
  if (module === undefined) return next(url, context);
  const { format, source } = module;
  return { format, source, shortCircuit: true };
}

/** Where a `require` leads to, if to what was kept. */
export function pathOf(specifier: string, from: string | null | undefined): string | undefined {
  const url = from && imports.get(`${pathToFileURL(from).href} ${specifier}`);
  return url && modules.has(withoutQuery(url)) ? fileURLToPath(url) : undefined;
}

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '');
}
