// Whether a balancer that sends a refused request to another machine has asked. Its refusals are never held back: while
// one is, its client waits, though another machine may have room.
import type { Request } from 'express';

/** To be set by the balancer on what it sends, whatever its client has sent. */
const header = 'x-millrace-retries';

/** A client that says so by itself is not believed: TRUST_PROXY says who may. */
export function sendsElsewhere(req: Request): boolean {
  if (req.headers[header] !== '1') return false;
  const trusts: unknown = req.app.get('trust proxy fn');
  return typeof trusts === 'function' && trusts(req.socket.remoteAddress ?? '', 0) === true;
}
