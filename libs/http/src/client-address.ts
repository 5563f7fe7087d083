import { isIPv6 } from 'node:net';
import { canonicalAddress, networkMatcher } from '@app/kernel';
import type { NextFunction, Request, Response } from 'express';

/** The number of proxies in front of this server, or their addresses and CIDRs. */
export type TrustedProxies = number | readonly string[];

/**
 * The client's address: from the right, the first that is not a trusted proxy. Each proxy appends the address of its
 * peer, so entries further left were written by the client and are ignored. Null: unknown, because a trusted proxy
 * wrote something else than an address, or the request passed fewer proxies than configured.
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

/** Some proxies append the port: `192.0.2.1:5678`, `[2001:db8::1]:5678`. */
function entryAddress(entry: string): string | null {
  const text = entry.trim();
  const bracketed = /^\[(.+)\](:\d{1,5})?$/.exec(text)?.[1];
  if (bracketed !== undefined) return isIPv6(bracketed) ? canonicalAddress(bracketed) : null;
  return canonicalAddress(/^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text);
}

/**
 * Sets `request.ip` to the client's address. Express' own "trust proxy" stays off: it would trust `X-Forwarded-Host`
 * and `X-Forwarded-Proto`, and accept garbage as an address.
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
