import { isIP } from 'node:net';
import { networkMatcher } from '@app/kernel';

/** IPv4 lies in IPv6 as ::ffff:0:0/96. */
const IPV4_OFFSET_BITS = 96;

/** A key's list stays the same object as long as the key is in memory, and building this costs more than asking it. */
const matchers = new WeakMap<readonly string[], (address: string) => boolean>();

/** Whether an address is in one of the given addresses and CIDRs. */
export function isInNetworks(address: string, networks: readonly string[]): boolean {
  let matches = matchers.get(networks);
  if (matches === undefined) matchers.set(networks, (matches = networkMatcher(networks)));
  return matches(address);
}

/** Whether every address of the one network is in the other: a longer prefix that begins in it. */
export function isNetworkWithin(network: string, outer: string): boolean {
  const [base = ''] = network.split('/');
  return prefixBits(network) >= prefixBits(outer) && isInNetworks(base, [outer]);
}

function prefixBits(network: string): number {
  const [base = '', bits = '128'] = network.split('/');
  if (isIP(base) === 6) return Number(bits);
  return IPV4_OFFSET_BITS + (network.includes('/') ? Number(bits) : 32);
}
