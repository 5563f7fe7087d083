import { isIP } from 'node:net';
import { networkMatcher } from '@app/kernel';

/** IPv4 is mapped into IPv6 as ::ffff:0:0/96. */
const IPV4_OFFSET_BITS = 96;

/** A cached key keeps the same list object, and building a matcher is more expensive than using it. */
const matchers = new WeakMap<readonly string[], (address: string) => boolean>();

/** Whether an address is in one of the given addresses and CIDRs. */
export function isInNetworks(address: string, networks: readonly string[]): boolean {
  let matches = matchers.get(networks);
  if (matches === undefined) matchers.set(networks, (matches = networkMatcher(networks)));
  return matches(address);
}

/** Whether every address of a network is in the outer one: it has a longer prefix and begins in it. */
export function isNetworkWithin(network: string, outer: string): boolean {
  const [base = ''] = network.split('/');
  return prefixBits(network) >= prefixBits(outer) && isInNetworks(base, [outer]);
}

function prefixBits(network: string): number {
  const [base = '', bits = '128'] = network.split('/');
  if (isIP(base) === 6) return Number(bits);
  return IPV4_OFFSET_BITS + (network.includes('/') ? Number(bits) : 32);
}
