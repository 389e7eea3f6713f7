// Reads the API's description as a client does: its operations, and the calls that its own examples make.
import { fileURLToPath } from 'node:url';

export const builtInTasks = fileURLToPath(new URL('../../dist/workers', import.meta.url));
export const describedTasks = fileURLToPath(new URL('../fixtures/described', import.meta.url));

export type Schema = Readonly<Record<string, unknown>>;

interface Media {
  readonly schema?: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: { readonly enum?: readonly unknown[] };
  readonly example?: unknown;
}

interface Answer {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content: Readonly<Record<string, Media>>;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Answer>>;
}

export interface ExampleCall {
  readonly title: string;
  readonly target: string;
  readonly init: RequestInit;
  /** What is described of its success. */
  readonly answer: Answer;
}

export interface DescribedOperation {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  readonly calls: readonly ExampleCall[];
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export function operationsOf(document: Document): DescribedOperation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, raw]) => {
      const operation = resolved(raw, document);
      return { method, path, operation, calls: callsOf(method, path, operation) };
    }),
  );
}

/** References of the operation's own parts, down to its media types: schemas keep theirs. */
function resolved(operation: Operation, document: Document): Operation {
  const one = <T>(part: T): T => {
    const ref = typeof part === 'object' && part !== null && '$ref' in part ? String(part.$ref) : undefined;
    if (ref === undefined) return part;
    return ref
      .split('/')
      .slice(1)
      .reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], document) as T;
  };
  return {
    ...operation,
    parameters: (operation.parameters ?? []).map(one),
    responses: Object.fromEntries(
      Object.entries(operation.responses).map(([status, part]) => [status, one(part)]),
    ),
  };
}

function callsOf(method: string, path: string, operation: Operation): ExampleCall[] {
  const { parameters = [], requestBody, responses, operationId } = operation;
  const answer = responses[Object.keys(responses)[0] ?? ''];
  if (answer === undefined) throw new Error(`${operationId} has no answer`);
  if (requestBody === undefined) {
    // A task without examples has no example of its own.
    if (parameters.some(({ required, example }) => required && example === undefined)) return [];
    const target = targetOf(
      path,
      parameters.filter(({ example }) => example !== undefined),
    );
    return [{ title: `${method} ${target}`, target, init: { method }, answer }];
  }
  return Object.entries(requestBody.content).flatMap(([type, media]) => {
    const beside = parameters.filter(({ description }) => description?.includes(`With a body of ${type}`));
    const target = targetOf(path, beside);
    return bodiesOf(type, media).map(([name, body]) => {
      const headers = { 'Content-Type': type === '*/*' ? 'text/plain' : type };
      return {
        title: `${method} ${target} ${type} ${name}`,
        target,
        init: { method, headers, body },
        answer,
      };
    });
  });
}

function bodiesOf(type: string, { example, examples = {} }: Media): [name: string, body: string][] {
  if (type === 'application/octet-stream') return [['some bytes', '\u0000\u0001\u0002']];
  if (example !== undefined) return [['its example', String(example)]];
  return Object.entries(examples).map(([name, { value }]) => [name, JSON.stringify(value)]);
}

function targetOf(path: string, parameters: readonly Parameter[]): string {
  const query = new URLSearchParams();
  let target = path;
  for (const { name, in: place, example, schema } of parameters) {
    const value = String(example ?? schema.enum?.[0]);
    if (place === 'path') target = target.replace(`{${name}}`, encodeURIComponent(value));
    else if (place === 'query') query.set(name, value);
  }
  return query.size > 0 ? `${target}?${query}` : target;
}
