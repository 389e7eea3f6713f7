// A client that connects for a single request and tells what became of it, by what a user would call it.
import { connect } from 'node:net';

/** `refused`: nobody listened. `lost`: it was connected, and got no whole answer. Else the answer's status. */
export type OneShot = 'refused' | 'lost' | number;

/** @param target a port, or the path of a socket file */
export function oneShot(target: number | string, path = '/'): Promise<OneShot> {
  return new Promise((resolve) => {
    const socket = connect(
      typeof target === 'string' ? { path: target } : { port: target, host: '127.0.0.1' },
    );
    let text = '';
    let wasRefused = false;
    socket.setEncoding('latin1');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', (error) => {
      wasRefused ||= 'code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT');
    });
    socket.on('close', () => resolve(wasRefused ? 'refused' : outcome(text)));
  });
}

function outcome(text: string): OneShot {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  return length !== undefined && body.length === Number(length) ? Number(head.split(' ')[1]) : 'lost';
}
