// The API's description: OpenAPI 3.1, made once from the tasks and the error table. How it is served is routes/docs.ts.
import { hasRoute, type Task } from '../../tasks/registry.js';
import { type Access, securitySchemes } from './access.js';
import type { ApiInfo } from './api-info.js';
import { createComponents, type Node } from './components.js';
import { jobPaths } from './job-paths.js';
import { lightPaths } from './light-paths.js';
import { taskPaths } from './task-paths.js';

const manner = `CPU-bound routes run on threads; light routes never wait for them.

HEAD answers wherever GET does, without running a call. OPTIONS answers 204 with \`Allow\`.
Query numbers are plain decimals. A repeated or unknown parameter or field is refused; an empty one is an empty text.
A client whose connection ends before its answer has left: its call is cancelled. Ending one side of it is enough for a call; light routes still answer.`;

/**
 * @param access what the settings ask of callers
 * @param builtIns whether the built-in light routes are served
 * @param prefix in front of everything but light routes
 */
export function apiDocument(
  tasks: readonly Task[],
  info: ApiInfo,
  access: Access,
  builtIns = true,
  prefix = '',
): Node {
  const components = createComponents();
  const paths: Record<string, Node> = lightPaths(components, access, builtIns, prefix);
  for (const task of tasks.filter(hasRoute)) Object.assign(paths, taskPaths(components, task, access));
  Object.assign(paths, jobPaths(components, access));
  return {
    openapi: '3.1.1',
    info: { ...info, description: [info.description, manner].filter(Boolean).join('\n\n') },
    // From the description's own address: calls go the way it came, behind any prefix of a proxy.
    servers: [{ url: '.', description: 'Where this description came from.' }],
    tags: [
      { name: 'CPU', description: 'Tasks, run by threads: one file each.' },
      ...(access.jobs ? [{ name: 'Jobs', description: 'Calls that outlive their request.' }] : []),
      { name: 'IO', description: 'Light routes: they only ever wait.' },
      { name: 'Probes', description: 'For orchestrators.' },
      { name: 'Description', description: 'What you are reading.' },
    ],
    paths,
    components: { ...components.document(), ...(access.keyed && { securitySchemes }) },
  };
}
