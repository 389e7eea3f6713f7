// The task that new-task and init write: it works as it is.

/**
 * As a file in workers/ of a checkout sees the contract.
 * @param path of the file, as its reader knows it
 */
export function checkoutTask(path: string, route: string): string {
  return definedTask(path, route, '../src/task.js');
}

/** JavaScript and TypeScript alike: the types come from the definition. */
export function packageTask(path: string, route: string): string {
  return definedTask(path, route, 'millrace');
}

function definedTask(path: string, route: string, contract: string): string {
  const imports = [`import { z } from 'zod';`, `import { defineTask } from '${contract}';`];
  return `${head(path, route)}
${(contract === 'millrace' ? imports.reverse() : imports).join('\n')}

export default defineTask({
  ${body}
});
`;
}

/** For a folder in which there is no millrace to import. */
export function bareTask(path: string, route: string): string {
  return `${head(path, route)}
import { z } from 'zod';

export default {
  ${body}
};
`;
}

function head(path: string, route: string): string {
  return `// ${path} → POST ${route}, GET ${route}?text=…`;
}

const body = `summary: 'Count words',
  input: z.strictObject({ text: z.string().max(100_000) }),
  output: z.strictObject({ words: z.int() }),
  examples: [{ text: 'to be or not to be' }],
  query: true,
  cost: ({ text }) => 1 + text.length / 100,
  run: ({ text }) => ({ words: text.split(/\\s+/).filter(Boolean).length }),`;
