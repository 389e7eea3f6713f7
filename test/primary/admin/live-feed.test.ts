// Clients of the event stream that do not keep up.
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createLiveFeed } from '#src/primary/admin/live-feed.js';

async function listen(onRequest: (res: ServerResponse) => void): Promise<Server> {
  const server = createServer((_req, res) => onRequest(res));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

it('drops a client that reads nothing, and keeps one that does', async () => {
  const feed = createLiveFeed();
  const closed: number[] = [];
  let joined = 0;
  const server = await listen((res) => {
    const number = joined++;
    res.on('close', () => closed.push(number));
    expect(feed.join(res)).toBe(true);
  });
  const { port } = server.address() as AddressInfo;
  const silent = connect(port, '127.0.0.1', () => silent.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
  silent.pause();
  onTestFinished(() => void silent.destroy());
  while (joined === 0) await once(server, 'request');
  const reader = await fetch(`http://127.0.0.1:${port}/`);
  const bytes = reader.body?.getReader();
  const reason = 'x'.repeat(256 * 1_024);
  for (let i = 0; i < 200 && closed.length === 0; i++) {
    feed.event({ type: 'reload aborted', reason });
    for (let read = 0; read < reason.length; ) read += (await bytes?.read())?.value?.length ?? 0;
  }
  expect(closed).toEqual([0]);
  await bytes?.cancel();
});
