import { isIPv6 } from 'node:net';
import { canonicalAddress, networkMatcher } from '@app/kernel';
import type { NextFunction, Request, Response } from 'express';

/** How many proxies stand before this server, or their addresses and CIDRs. */
export type TrustedProxies = number | readonly string[];

/**
 * Who sent the request: the first, from the right, that is no proxy of ours. Each proxy appends whom it got the request
 * from, so what is left of that was written by the client and is never looked at. Null: nobody knows, as a proxy of
 * ours wrote something that is no address, or the request has passed fewer proxies than there are.
 */
export function clientAddressBy(proxies: TrustedProxies): (peer?: string, forwardedFor?: string) => string | null {
  const inProxies = typeof proxies === 'number' ? null : networkMatcher(proxies);
  const isProxy = (address: string, hop: number): boolean => inProxies?.(address) ?? hop < Number(proxies);
  return (peer, forwardedFor) => {
    let address = canonicalAddress(peer ?? '');
    const entries = forwardedFor?.split(',').reverse() ?? [];
    for (const [hop, entry] of entries.entries()) {
      if (address === null || !isProxy(address, hop)) return address;
      address = entryAddress(entry);
    }
    return typeof proxies === 'number' && entries.length < proxies ? null : address;
  };
}

/** Some proxies add the port: `192.0.2.1:5678`, `[2001:db8::1]:5678`. */
function entryAddress(entry: string): string | null {
  const text = entry.trim();
  const bracketed = /^\[(.+)\](:\d{1,5})?$/.exec(text)?.[1];
  if (bracketed !== undefined) return isIPv6(bracketed) ? canonicalAddress(bracketed) : null;
  return canonicalAddress(/^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text);
}

/**
 * Makes `request.ip` the address of the client. Express' own "trust proxy" stays off: with it `X-Forwarded-Host` and
 * `X-Forwarded-Proto` would have a say, and garbage could become an address.
 */
export function clientAddress(
  proxies: TrustedProxies,
): (request: Request, response: Response, next: NextFunction) => void {
  const find = clientAddressBy(proxies);
  return (request, _response, next) => {
    const ip = find(request.socket.remoteAddress, request.get('x-forwarded-for')) ?? undefined;
    Object.defineProperty(request, 'ip', { value: ip });
    next();
  };
}
