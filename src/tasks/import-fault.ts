// Why a file of a team's cannot be imported, in one line: the reason, the place of a syntax error, and what to do where
// Node takes a module for CommonJS.
import { realpathSync } from 'node:fs';
import { errorReport, reasonOf } from './error-report.js';
import { addCode, type CodeFiles } from './pinned-code.js';
import { syntaxLocation } from './syntax-location.js';

/**
 * @param thrown by the import
 * @param code what was read of it; without that it is read now
 */
export async function importFault(
  thrown: unknown,
  file: string,
  code: CodeFiles = new Map(),
): Promise<string> {
  const reason = reasonOf(thrown).split('\n', 1)[0];
  const where = thrown instanceof SyntaxError ? await placeOf(thrown, file, code) : '';
  return `cannot be imported: ${reason}${where}${moduleHint(thrown)}`;
}

function placeOf(thrown: SyntaxError, file: string, code: CodeFiles): Promise<string> {
  const path = realPathOf(file);
  addCode(code, path);
  return syntaxLocation(thrown, path, code);
}

function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

/** `npm init` writes `"type": "commonjs"`, and then Node takes no `import` in a `.js` file. */
function moduleHint(thrown: unknown): string {
  const { name, message } = errorReport(thrown);
  const isHint =
    name === 'SyntaxError' &&
    /outside a module|Unexpected token 'export'|of modules|import\.meta/.test(message);
  return isHint ? ' (name it .mjs, or put "type": "module" into the package.json above it)' : '';
}
