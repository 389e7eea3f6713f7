// Security headers of an API's answers, computed by helmet once, at boot: per request they are constants.
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';

/**
 * Nothing an answer contains may run, load or be framed: /io/echo sends back what anybody sent.
 * Left out: what only whoever terminates TLS can decide (Strict-Transport-Security) and what means nothing for an API.
 */
const protect = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], sandbox: [] },
  },
  xFrameOptions: { action: 'deny' },
  strictTransportSecurity: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xPoweredBy: false,
  xXssProtection: false,
});

/** Names and values to set on every answer. */
export function securityHeaders(): readonly (readonly [name: string, value: string])[] {
  const req = new IncomingMessage(new Socket());
  const res = new ServerResponse(req);
  protect(req, res, () => undefined);
  return Object.entries(res.getHeaders()).map(([name, value]) => [canonical(name), String(value)] as const);
}

/** `x-frame-options` → `X-Frame-Options` */
function canonical(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letters) => letters.toUpperCase());
}
