import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addressClient } from '#src/server/request/client.js';
import { ioApp, listeningLog, testConfig } from '../../support/app.js';
import { RawClient } from '../../support/raw-client.js';
import { head, listen } from '../../support/wire.js';

describe('an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['192.0.2.7:5678', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::9]:443', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::9]', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s is the client %s', (text, client) => {
    expect(addressClient(text)).toBe(client);
  });

  it.each([
    '',
    'unknown',
    '_hidden',
    '1',
    '0x7f.1',
    '999.1.1.1',
    '1.2.3.4.5',
    'example.com',
    '1.2.3.4:x',
    'a'.repeat(9_000),
  ])('%j is none', (text) => {
    expect(addressClient(text)).toBeUndefined();
  });
});

/** The client that the access log names. */
async function clientSeen(env: Record<string, string>, ...forwarded: string[]): Promise<unknown> {
  const { log, lines } = listeningLog();
  const server = await listen(ioApp({ log, config: testConfig({ ACCESS_LOG: 'all', ...env }) }));
  const client = await RawClient.connect((server.address() as AddressInfo).port);
  onTestFinished(() => client.destroy());
  await client.send(head('GET /', ...forwarded.map((value) => `X-Forwarded-For: ${value}`))).answer();
  await expect.poll(() => lines.some((line) => line.msg === 'request')).toBe(true);
  return lines.find((line) => line.msg === 'request')?.client;
}

describe('X-Forwarded-For', () => {
  it.each([
    ['', ['9.9.9.9'], '127.0.0.1'],
    ['0', ['9.9.9.9'], '127.0.0.1'],
    ['1', ['9.9.9.9'], '9.9.9.9'],
    ['1', ['6.6.6.6, 9.9.9.9'], '9.9.9.9'],
    ['1', ['6.6.6.6', '9.9.9.9'], '9.9.9.9'],
    ['2', ['6.6.6.6, 9.9.9.9, 8.8.8.8'], '9.9.9.9'],
    ['2', ['9.9.9.9'], '9.9.9.9'],
    ['1', ['not an address'], '127.0.0.1'],
    ['1', [], '127.0.0.1'],
    ['1', ['2001:db8::1'], '2001:db8:0:0::/64'],
    ['127.0.0.1', ['6.6.6.6, 9.9.9.9'], '9.9.9.9'],
    ['127.0.0.0/8, 10.0.0.0/8', ['6.6.6.6, 9.9.9.9, 10.1.1.1'], '9.9.9.9'],
    ['10.0.0.0/8', ['9.9.9.9'], '127.0.0.1'],
    ['::1', ['9.9.9.9'], '127.0.0.1'],
    ['loopback', ['6.6.6.6, 9.9.9.9'], '9.9.9.9'],
    ['loopback, uniquelocal', ['6.6.6.6, 9.9.9.9, 192.168.3.4'], '9.9.9.9'],
    ['linklocal,uniquelocal', ['9.9.9.9'], '127.0.0.1'],
  ])('with TRUST_PROXY=%j, %j makes the client %s', async (TRUST_PROXY, forwarded, client) => {
    expect(await clientSeen({ TRUST_PROXY }, ...forwarded)).toBe(client);
  });

  it.each([
    'true',
    '-1',
    '101',
    '1.5',
    '10.0.0.0/0',
    '::/0',
    '10.0.0.0/33',
    '10.0.0',
    'example.com',
    '10.0.0.1,',
    'fe80::1%eth0',
    'Loopback',
    'loopback/8',
  ])('TRUST_PROXY=%s is refused', (TRUST_PROXY) => {
    expect(() => testConfig({ TRUST_PROXY })).toThrow('TRUST_PROXY must be');
  });
});
