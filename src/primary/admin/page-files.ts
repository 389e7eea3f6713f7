// The dashboard's files, by the path they are served under: those of page/ and of uPlot, nothing else of the disk.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { builtFile } from '../../package-files.js';
import type { Resource } from './admin-server.js';
import { reply } from './reply.js';

const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

const pageFiles = [
  'page.css',
  'icon.svg',
  'page.js',
  'chart.js',
  'dom.js',
  'events.js',
  'format.js',
  'jobs.js',
  'notice.js',
  'panels.js',
  'reload.js',
  'tables.js',
];

export function pageResources(): [path: string, resource: Resource][] {
  const { resolve } = createRequire(import.meta.url);
  return [
    ['/', fileResource(pageFile('index.html'), 'html')],
    ['/uplot.js', fileResource(resolve('uplot/dist/uPlot.esm.js'), 'js')],
    ['/uplot.css', fileResource(resolve('uplot/dist/uPlot.min.css'), 'css')],
    ...pageFiles.map((name): [string, Resource] => [`/${name}`, fileResource(pageFile(name), kindOf(name))]),
  ];
}

function pageFile(name: string): string {
  return builtFile(`src/primary/admin/page/${name}`);
}

function kindOf(name: string): keyof typeof types {
  return name.endsWith('.css') ? 'css' : name.endsWith('.svg') ? 'svg' : 'js';
}

/** Read when it is first asked for, then kept. */
function fileResource(file: string, kind: keyof typeof types): Resource {
  let content: Promise<Buffer> | undefined;
  return {
    method: 'GET',
    async answer(exchange) {
      content ??= readFile(file).catch((error: unknown) => {
        content = undefined;
        throw error;
      });
      reply(exchange, 200, types[kind], await content);
    },
  };
}
