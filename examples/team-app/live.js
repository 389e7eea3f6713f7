// A WebSocket that tells a signed-in user what happened. It reaches those who are connected to this server process; to
// reach all, let the processes speak through Redis or a database.
import { WebSocketServer } from 'ws';

export function createLive(server, session) {
  const sockets = new WebSocketServer({ noServer: true });
  const userOf = new WeakMap();

  server.on('upgrade', (req, socket, head) => {
    // The session's middleware reads the cookie; there is no answer to set one on.
    session(req, { on() {}, setHeader() {} }, () => {
      const user = req.session.user;
      if (req.url !== '/live' || !user)
        return void socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
      sockets.handleUpgrade(req, socket, head, (client) => {
        userOf.set(client, user);
        client.send(JSON.stringify({ event: 'hello', user }));
      });
    });
  });

  return {
    tell(user, event) {
      for (const client of sockets.clients)
        if (userOf.get(client) === user) client.send(JSON.stringify({ event }));
    },
    /** 1001: going away. Browsers connect again, and meet another server process. */
    async close() {
      for (const client of sockets.clients) client.close(1001);
      await new Promise((resolve) => sockets.close(resolve));
    },
  };
}
