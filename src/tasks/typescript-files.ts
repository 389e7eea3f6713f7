// Whether this Node can import a file of a team's that is TypeScript. Types are stripped by Node 22.18 and later; the
// threads that load the same file do it in the same way.
const loadsTypeScript = 'typescript' in process.features && Boolean(process.features.typescript);

/** Why such a file cannot be imported here, if it cannot. */
export function typeScriptFault(file: string): string | undefined {
  if (loadsTypeScript || !/\.[cm]?ts$/.test(file)) return undefined;
  return 'this Node cannot load TypeScript: compile it to .js first, or use Node 22.18 or newer';
}
