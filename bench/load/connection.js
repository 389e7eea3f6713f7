// A keep-alive HTTP/1.1 client connection: one request at a time, answers with a Content-Length, nothing more.
// node:http's client costs more CPU than the servers it would measure here, and the machine's cores are shared.
import { connect } from 'node:net';

const endOfHead = Buffer.from('\r\n\r\n');

/** @typedef {{ status: number, body: string }} Answer */

export class Connection {
  /** No request is on its way. */
  free = true;
  isOpen = true;
  /** @type {import('node:net').Socket} */
  #socket;
  /** @type {Buffer} */
  #received = Buffer.alloc(0);
  /** @type {{ resolve(answer: Answer): void, reject(error: Error): void } | undefined} */
  #waiting;

  /** @param {{ host: string, port: number, localAddress?: string }} target */
  constructor(target) {
    this.#socket = connect({ ...target, noDelay: true });
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#end(error));
    this.#socket.on('close', () => this.#end(new Error('the connection was closed')));
  }

  /** @param {Buffer | string} bytes a whole request @returns {Promise<Answer>} */
  request(bytes) {
    if (!this.isOpen) return Promise.reject(new Error('the connection was closed'));
    this.free = false;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(bytes);
    });
  }

  close() {
    this.isOpen = false;
    this.free = false;
    this.#socket.destroy();
  }

  /** @param {Buffer} chunk */
  #receive(chunk) {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headLength = this.#received.indexOf(endOfHead);
    if (headLength < 0) return;
    const head = this.#received.toString('latin1', 0, headLength);
    const bodyAt = headLength + endOfHead.length;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#received.length < bodyAt + length) return;
    const body = this.#received.toString('utf8', bodyAt, bodyAt + length);
    this.#received = Buffer.alloc(0);
    const resolve = this.#waiting?.resolve;
    this.#waiting = undefined;
    if (/\r\nconnection: *close/i.test(head)) this.close();
    else this.free = true;
    resolve?.({ status: Number(head.slice(9, 12)), body });
  }

  /** @param {Error} error */
  #end(error) {
    this.isOpen = false;
    this.free = false;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

/** @param {import('./kinds.js').Call['request']} request */
export function requestBytes({ method = 'GET', path, headers = {}, body }) {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${method} ${path} HTTP/1.1\r\nHost: bench\r\n${fields.join('')}`;
  if (body === undefined) return Buffer.from(`${head}\r\n`);
  const length = Buffer.byteLength(body);
  return Buffer.from(`${head}Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`);
}

/** Whether an answer is the right one. @param {string} body @param {{ equals?: string, startsWith?: string }} expected */
export function fits(body, expected) {
  if (expected.equals !== undefined) return body === expected.equals;
  return body.startsWith(expected.startsWith ?? '');
}
