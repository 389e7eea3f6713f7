// What every answer carries, whichever way it is sent, and whichever way it is put there.
import { Readable } from 'node:stream';
import express, { type Express } from 'express';
import { describe, expect, it } from 'vitest';
import { stampHeads } from '#src/server/answer/stamped-head.js';
import { alignPrototypes } from '#src/server/express-prototypes.js';
import { dial, head, listen } from '../../support/wire.js';

const stamps = [
  ['Content-Security-Policy', "default-src 'none'"],
  ['X-Content-Type-Options', 'nosniff'],
] as const;

function stampedApp(appends: boolean | undefined): Express {
  const app = express();
  stampHeads(app, stamps, appends === undefined ? {} : { appends });
  app.use((req, res, next) => {
    if (req.path !== '/unstamped') res.requestId = 'id-1';
    next();
  });
  app.get('/send', (_req, res) => void res.send('ok'));
  app.get('/head', (_req, res) => void res.writeHead(200, ['Content-Length', '2', 'X-Own', '1']).end('ok'));
  app.get('/message', (_req, res) => void res.writeHead(200, 'Fine', { 'Content-Length': 2 }).end('ok'));
  app.get('/end', (_req, res) => void res.end());
  app.get('/empty', (_req, res) => void res.status(204).end());
  app.get('/stream', (_req, res) => void Readable.from(['a', 'b']).pipe(res));
  app.get('/flush', (_req, res) => {
    res.flushHeaders();
    res.end('ok');
  });
  app.get('/redirect', (_req, res) => res.redirect('/send'));
  app.get('/own', (_req, res) => void res.set('content-security-policy', "default-src 'self'").send('ok'));
  app.get('/unstamped', (_req, res) => void res.send('ok'));
  return app;
}

it('are appended on this Node: setting them one by one would cost a quarter of a light request', async () => {
  const names: string[] = [];
  const app = express();
  stampHeads(app, stamps);
  app.use((_req, res) => {
    res.requestId = 'id-1';
    res.end();
    names.push(...res.getHeaderNames());
  });
  const wire = dial(await listen(app, alignPrototypes(app)));
  wire.send(head('GET /', 'Connection: close'));
  expect(await wire.ended()).toContain('X-Content-Type-Options: nosniff');
  expect(names).toEqual(['x-powered-by']);
});

describe.each([
  ['appended to the head', undefined],
  ['set one by one', false],
])('stamps, %s', (_way, appends) => {
  /** The lines of the answer's head. */
  async function linesOf(path: string): Promise<string[]> {
    const app = stampedApp(appends);
    const wire = dial(await listen(app, alignPrototypes(app)));
    wire.send(head(`GET ${path}`, 'Connection: close'));
    return (await wire.ended()).split('\r\n\r\n', 1)[0]?.split('\r\n') ?? [];
  }

  it.each(['/send', '/head', '/message', '/end', '/empty', '/stream', '/flush', '/redirect'])(
    'are on every answer once: %s',
    async (path) => {
      const lines = await linesOf(path);
      for (const [name, value] of [...stamps, ['X-Request-Id', 'id-1'] as const]) {
        expect(lines.filter((line) => line.startsWith(`${name}: `))).toEqual([`${name}: ${value}`]);
      }
    },
  );

  it('leave alone what a route has set itself', async () => {
    const lines = await linesOf('/own');
    expect(lines.filter((line) => /^content-security-policy:/i.test(line))).toEqual([
      "content-security-policy: default-src 'self'",
    ]);
    expect(lines).toEqual(expect.arrayContaining(['X-Content-Type-Options: nosniff', 'X-Request-Id: id-1']));
  });

  it('are left out where the answer has no id', async () => {
    const lines = await linesOf('/unstamped');
    expect(lines[0]).toBe('HTTP/1.1 200 OK');
    expect(lines.filter((line) => /^(x-request-id|content-security-policy):/i.test(line))).toEqual([]);
  });
});
