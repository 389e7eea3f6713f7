// The API's description as JSON, and a page to read and try it: Swagger UI, as the build has copied it,
// served from nowhere else. Nothing of the page is looked for, read or kept before somebody opens it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestHandler, Router } from 'express';
import { AppError } from '../../errors.js';
import { expectation } from '../../http/expectation.js';
import { jsonType } from '../../media-types.js';
import { builtFile } from '../../package-files.js';
import type { Task } from '../../tasks/registry.js';
import { answer } from '../answer/answer.js';
import { answerNotModified, entityTag } from '../answer/entity-tag.js';
import type { FixedPaths } from '../answer/resource.js';
import type { Access } from '../openapi/access.js';
import type { ApiInfo } from '../openapi/api-info.js';
import { apiDocument } from '../openapi/document.js';
import { noQuery } from '../request/query.js';

export function addDocs(
  app: Router,
  paths: FixedPaths,
  tasks: readonly Task[],
  info: ApiInfo,
  access: Access,
  builtIns: boolean,
  prefix = '',
): void {
  // Made when it is asked for the first time: 10 ms, and 2 MiB, that most server processes never need.
  const document = once(() =>
    Buffer.from(JSON.stringify(apiDocument(tasks, info, access, builtIns, prefix))),
  );
  const checks = [expectation];
  paths.add('/openapi.json', { get: { checks, answer: description(document) } });
  const swaggerUi = swaggerUiPackage();
  paths.add('/docs', { get: { checks, answer: page(swaggerUi, info.title) } });
  app.all('/docs/:version/:asset', paths.resource({ get: { checks, answer: asset(swaggerUi) } }));
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function description(document: () => Buffer): RequestHandler {
  const tagOf = once(() => entityTag(document()));
  return (req, res) => {
    noQuery(req);
    const tag = tagOf();
    if (!matches(req.headers['if-match'], tag))
      throw new AppError('PRECONDITION_FAILED', 'The description is another than If-Match asks for.');
    res.setHeader('ETag', tag);
    res.setHeader('Cache-Control', 'no-cache');
    if (req.fresh) answerNotModified(res);
    else answer(res, 200, jsonType, document());
  };
}

function matches(ifMatch: string | undefined, tag: string): boolean {
  if (ifMatch === undefined || ifMatch.trim() === '*') return true;
  return ifMatch.split(',').some((one) => one.trim() === tag);
}

interface SwaggerUi {
  readonly version: string;
  readonly folder: string;
}

/** Finds the package when it is asked for the first time. */
function swaggerUiPackage(): () => Promise<SwaggerUi> {
  let found: Promise<SwaggerUi> | undefined;
  return () => {
    found ??= find();
    return found;
  };
  async function find(): Promise<SwaggerUi> {
    const folder = builtFile('src/server/openapi/swagger-ui/');
    const { version }: { version?: unknown } = JSON.parse(
      await readFile(join(folder, 'package.json'), 'utf8'),
    );
    return { version: String(version), folder };
  }
}

const stylesheet = 'swagger-ui.css';
const bundle = 'swagger-ui-bundle.js';
const icon = 'favicon-32x32.png';
const packaged: readonly string[] = [stylesheet, bundle, icon];

/** What is not Swagger UI's but ours. */
const ownFolder = builtFile('src/server/openapi/page/');
const ownStylesheet = 'page.css';
const starter = 'start.js';
const own: readonly string[] = [ownStylesheet, starter];

/** The page may run, style and ask for what this server has, and nothing else. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // Swagger UI's stylesheet has its icons in it.
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

function page(swaggerUi: () => Promise<SwaggerUi>, title: string): RequestHandler {
  return async (req, res) => {
    noQuery(req);
    const { version } = await swaggerUi();
    res.setHeader('Content-Security-Policy', pagePolicy);
    res.setHeader('Cache-Control', 'no-cache');
    answer(res, 200, 'text/html; charset=utf-8', pageHtml(`docs/${version}`, title));
  };
}

/** @param assets relative, so that the page works behind a proxy that puts a prefix before its path */
function pageHtml(assets: string, title: string): string {
  const titleText = title.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${titleText} API</title>
<link rel="icon" href="${assets}/${icon}">
<link rel="stylesheet" href="${assets}/${stylesheet}">
<link rel="stylesheet" href="${assets}/${ownStylesheet}">
<script defer src="${assets}/${bundle}"></script>
<script defer src="${assets}/${starter}"></script>
</head>
<body>
<noscript>This page needs JavaScript. The description itself is at <a href="openapi.json">openapi.json</a>.</noscript>
<div id="swagger-ui"></div>
</body>
</html>
`;
}

/** An upgrade of the package changes the path, so what was fetched once may be kept. Our own files change without. */
const forever = 'public, max-age=31536000, immutable';
const revalidated = 'no-cache';

/** What was said of the file before it turned out that the answer is another. */
const fileHeaders = ['Accept-Ranges', 'ETag', 'Last-Modified'];

function asset(swaggerUi: () => Promise<SwaggerUi>): RequestHandler {
  return async (req, res, next) => {
    const { version, folder } = await swaggerUi();
    const name = String(req.params.asset);
    const isOwn = own.includes(name);
    if (req.params.version !== version || !(isOwn || packaged.includes(name))) {
      throw new AppError('NOT_FOUND', `There is nothing at ${req.baseUrl}${req.path}.`);
    }
    noQuery(req);
    // There is a file, which is all that it asks for. `send` would look for a tag, which files have none of here (app.ts: etag).
    if (req.headers['if-match']?.trim() === '*') delete req.headers['if-match'];
    res.setHeader('Cache-Control', isOwn ? revalidated : forever);
    res.sendFile(name, { root: isOwn ? ownFolder : folder, cacheControl: false }, (error) => {
      if (error === undefined) return;
      // A refusal is no file.
      if (!res.headersSent) for (const header of fileHeaders) res.removeHeader(header);
      next(error);
    });
  };
}
