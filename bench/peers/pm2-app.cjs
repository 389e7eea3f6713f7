// What PM2's manual shows for a graceful reload: ready when it listens, and server.close() on SIGINT.
const { createServer } = require('node:http');

const server = createServer((_req, res) => {
  const hello = `hello from server ${process.pid}`;
  res.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': hello.length });
  res.end(hello);
});
server.listen(Number(process.env.PORT), '127.0.0.1', () => process.send?.('ready'));
process.on('SIGINT', () => server.close(() => process.exit(0)));
