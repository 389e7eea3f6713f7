// Three machines with addresses of their own behind the real HAProxy: a short run of `npm run machines`, which shows the rest.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { whyNot } from '../../bench/machines/network.js';
import { has } from '../support/balancers.js';

const script = fileURLToPath(new URL('../../bench/machines.js', import.meta.url));
const reason = whyNot();
if (reason !== undefined) console.warn(`Skipped: ${reason}.`);

const failed = (error: unknown) => z.object({ stdout: z.string(), stderr: z.string() }).parse(error);
const told = z.object({ case: z.string(), values: z.record(z.string(), z.unknown()) });

it.skipIf(reason !== undefined || !has('haproxy', '-v'))(
  'one of three full, nothing is refused; and a cable that is pulled under load lets no call run twice or get lost unsaid',
  async () => {
    const args = [
      '--json',
      '--balancer',
      'haproxy',
      '--machines',
      '3',
      '--only',
      'full,cable',
      '--rounds',
      '10',
    ];
    // It ends with 1 where it finds something not good: then it is told below what.
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, ...args], {
      timeout: 280_000,
    }).catch(failed);
    const lines = stdout.trim().split('\n');
    const [full, cable] = lines.map((line) => told.parse(JSON.parse(line)).values);
    expect(full, stderr).toEqual({ sent: 30, refused: { POST: 0, GET: 0, 'POST of 20 kB': 0 } });
    expect(cable).toMatchObject({ ranTwice: 0, answeredNotRun: 0 });
    // It did go on without the machine: what was lost is what was on its way to it.
    const { sent, lostPosts } = z.object({ sent: z.number(), lostPosts: z.number() }).parse(cable);
    expect(lostPosts).toBeLessThan(sent / 4);
  },
  300_000,
);
