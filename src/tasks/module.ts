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
