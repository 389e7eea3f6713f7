// Who calls: the name under which a client's calls take turns, are charged, and appear in the log.
import { isIPv4 } from 'node:net';
import type { Request } from 'express';
import ipaddr from 'ipaddr.js';

/** The name of its API key, else its address. Worked out when it is first asked for: light routes never do. */
export function clientOf(req: Request): string {
  const { exchange } = req;
  if (exchange.keyName !== undefined) return exchange.keyName;
  exchange.address ??= addressOf(req);
  return exchange.address;
}

function addressOf(req: Request): string {
  // Express's address follows TRUST_PROXY, and costs something; what a proxy passes on may be any text.
  const forwarded = req.headers['x-forwarded-for'] === undefined ? undefined : addressClient(req.ip);
  if (forwarded !== undefined) return forwarded;
  const { remoteAddress = '' } = req.socket;
  // The system writes it in one way only: nothing has to be looked for.
  return isIPv4(remoteAddress) ? remoteAddress : (addressClient(remoteAddress) ?? 'unknown');
}

/**
 * The client an address stands for; undefined where it is none. An IPv4 address looks the same on a dual-stack
 * socket. An IPv6 client is a /64: whoever has one has all its 2^64 addresses, and could take turns as a crowd.
 */
export function addressClient(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const address = withoutPort(text);
  // Not what ipaddr.js would also read as IPv4, such as `1` or `0x7f.1`.
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return address;
  if (!ipaddr.IPv6.isValid(address)) return undefined;
  const parsed = ipaddr.IPv6.parse(address);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  const network = parsed.parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(':')}::/64`;
}

/** Some proxies write `1.2.3.4:5678` or `[2001:db8::1]:5678`. */
function withoutPort(text: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\](?::\d+)?|([^:]*):\d+)$/.exec(text) ?? [];
  return bracketed ?? plain ?? text;
}
