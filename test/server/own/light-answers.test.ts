import express, { type Express } from 'express';
import { describe, expect, it } from 'vitest';
import { lightenAnswers } from '#src/server/own/light-answers.js';
import { dial, head, listen } from '../../support/wire.js';

const answers: Record<string, (res: express.Response) => void> = {
  json: (res) => res.json({ a: 'ü', b: [1, null] }),
  text: (res) => res.send('grüße, 世界'),
  bytes: (res) => res.send(Buffer.from([0, 10, 127, 128, 255])),
  empty: (res) => res.send(''),
  none: (res) => res.status(204).send('gone'),
  long: (res) => res.json({ text: 'ü'.repeat(5_000) }),
  ended: (res) => res.end(Buffer.from('grüße')),
  'ended, and told so': (res) => res.end(Buffer.from('x'), () => res.req.socket.end()),
  'ended with an encoding': (res) => res.end('7a', 'hex'),
  'written in pieces': (res) => {
    res.write('ü');
    res.end(Buffer.from('ß'));
  },
  'with a head of its own': (res) => res.writeHead(201, { 'Content-Length': 2 }).end(Buffer.from('ok')),
};

function appOf(answer: (res: express.Response) => void, lighten: (app: Express) => void): Express {
  const app = express();
  lighten(app);
  return app.get('/', (_req, res) => answer(res));
}

async function asked(app: Express, start: string, headers: readonly string[]): Promise<string> {
  const wire = dial(await listen(app));
  wire.send(head(start, 'Connection: close', ...headers));
  return (await wire.ended()).replace(/\r\nDate: [^\r]*/, '');
}

describe.each(Object.entries(answers))('an answer, %s', (_name, answer) => {
  it.each([
    ['GET /', []],
    ['HEAD /', []],
    ['GET /', ['If-None-Match: *']],
  ])('to %s with %j is byte for byte that of Express', async (start, headers) => {
    const plain = await asked(
      appOf(answer, () => undefined),
      start,
      headers,
    );
    expect(plain).toMatch(/^HTTP\/1\.1 /);
    expect(await asked(appOf(answer, lightenAnswers), start, headers)).toBe(plain);
  });
});
