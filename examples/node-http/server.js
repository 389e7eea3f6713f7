// The lane in a plain node:http server: GET /wordcount?text=to+be
import { createServer } from 'node:http';
import { CallError, createLane } from 'millrace';
import wordcount from './tasks/wordcount.js';

const lane = await createLane({ tasks: new URL('./tasks', import.meta.url) });

const server = createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url, 'http://localhost');
  if (pathname !== '/wordcount') return void res.writeHead(404).end();
  try {
    // `req`: client, deadline and request id come from the request; the call is cancelled when its client leaves.
    const counted = await lane.call(wordcount, { text: searchParams.get('text') ?? '' }, { req });
    res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(counted));
  } catch (error) {
    if (res.destroyed) return;
    if (!(error instanceof CallError)) return void res.writeHead(500).end();
    const wait = error.retryAfterSeconds;
    res.writeHead(error.status, wait === undefined ? {} : { 'Retry-After': wait }).end(error.code);
  }
});

server.listen(process.env.PORT ?? 3000, '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${server.address().port}`),
);

process.once('SIGTERM', () => {
  server.close(() => lane.close());
  server.closeIdleConnections();
});
