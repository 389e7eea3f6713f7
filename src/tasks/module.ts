// What a task's module exports, whoever imported it.

/**
 * The default export. CommonJS as TypeScript and esbuild write it has its own below the one that Node makes: `import()`
 * gives `{ default: { default: … } }`.
 */
export function definitionOf(namespace: object): unknown {
  const exported: unknown = Reflect.get(namespace, 'default');
  const isCompiled =
    typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported;
  return isCompiled ? exported.default : exported;
}

/** What a task's `runFrom` file exports: `run` by default, `setup` by its name. */
export function workOf(namespace: object): { readonly run: unknown; readonly setup?: unknown } {
  const run = definitionOf(namespace);
  const compiled: unknown = Reflect.get(namespace, 'default');
  const named: unknown = Reflect.get(namespace, 'setup');
  const setup = named ?? (run === compiled ? undefined : Reflect.get(Object(compiled), 'setup'));
  return setup === undefined ? { run } : { run, setup };
}
