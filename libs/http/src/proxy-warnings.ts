import { networkMatcher } from '@app/kernel';
import type { TrustedProxies } from './client-address.js';

/** Whole blocks of private addresses, by their ends: pods, clients and proxies live in them side by side. */
const PRIVATE_BLOCKS = [
  ['10.0.0.0', '10.255.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['fd00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
] as const;

/**
 * What of TRUST_PROXY lets others than proxies say who they are: a range that has an address of this machine also has
 * its neighbours, such as the pods that commands run in, and one that is a whole private network has the clients.
 * @param own addresses of this machine, but for its loopback
 */
export function proxyWarnings(proxies: TrustedProxies, own: readonly string[]): string[] {
  if (typeof proxies === 'number') return [];
  return proxies.flatMap((network) => {
    // A single address has no neighbours.
    if (!network.includes('/') || /\/128$|\..*\/32$/.test(network)) return [];
    const isIn = networkMatcher([network]);
    const neighbour = own.find(isIn);
    const block = PRIVATE_BLOCKS.find((ends) => ends.every(isIn));
    const reason =
      neighbour !== undefined ? `has ${neighbour}, an address of this machine` : block && 'is a whole private network';
    if (reason === undefined) return [];
    return [
      `TRUST_PROXY trusts ${network}, which ${reason}: whatever else is in there, such as the pods of projects, ` +
        'can forge the address of a client. Trust the addresses of the proxies alone.',
    ];
  });
}
