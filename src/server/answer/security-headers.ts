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

/**
 * What an app's own pages and files can live with. What they may load only the app knows: its Content-Security-Policy is
 * its own, and so are Referrer-Policy (without a referrer, forms would be sent with `Origin: null`) and the rest.
 */
const protectLittle = helmet({
  contentSecurityPolicy: false,
  referrerPolicy: false,
  strictTransportSecurity: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xPoweredBy: false,
  xXssProtection: false,
});

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** Names and values to set on every answer of ours. */
export const securityHeaders = (): HeaderList => headersBy(protect);

/** The same for the answers of an app's own routes. */
export const ownSecurityHeaders = (): HeaderList => headersBy(protectLittle);

function headersBy(protect: ReturnType<typeof helmet>): HeaderList {
  const req = new IncomingMessage(new Socket());
  const res = new ServerResponse(req);
  protect(req, res, () => undefined);
  return Object.entries(res.getHeaders()).map(([name, value]) => [canonical(name), String(value)] as const);
}

/** `x-frame-options` → `X-Frame-Options` */
function canonical(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letters) => letters.toUpperCase());
}
