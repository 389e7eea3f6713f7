// An app that listens by itself, as Express apps do elsewhere: what comes there passes by all that this server does for a
// request, and nothing of it is drained. It is told once. Where the port is this server's own, Express hands the error to
// the callback of `listen`, and nobody would see that it never listened.
import { subscribe } from 'node:diagnostics_channel';
import { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Logger } from '../../log.js';

/** For the life of the process: an app may listen late. To be called where no HTTP server but an app's has a port. */
export function tellOfListening(log: Logger): void {
  let told = false;
  // Published when `listen` is called, whatever comes of it (seen from Node 20.20 on; before that nothing is told).
  subscribe('tracing:net.server.listen:asyncStart', (message) => {
    if (told || !isHttpAtPort(message)) return;
    told = true;
    log.warn(
      { at: callerOf(new Error().stack) },
      'the app listens at a port of its own (app.listen), whose requests this server does not see: leave that out. ' +
        'millrace listens for the `app` that defineApp gives, at HOST and PORT',
    );
  });
}

function isHttpAtPort(message: unknown): boolean {
  if (typeof message !== 'object' || message === null) return false;
  const server: unknown = Reflect.get(message, 'server');
  const options: unknown = Reflect.get(message, 'options');
  const isHttp = server instanceof Server || server instanceof TlsServer;
  return (
    isHttp && typeof options === 'object' && options !== null && Reflect.get(options, 'port') !== undefined
  );
}

/** The first place that is neither Node's, nor a package's, nor ours. */
function callerOf(stack = ''): string | undefined {
  const frame = stack
    .split('\n')
    .slice(1)
    .find((line) => !/node:|node_modules|own-listener/.test(line));
  return frame?.trim().replace(/^at /, '');
}
