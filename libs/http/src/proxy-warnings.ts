import { networkMatcher } from '@app/kernel';
import type { TrustedProxies } from './client-address.js';

/** Private address blocks, by their first and last address: they are shared by pods, clients and proxies. */
const PRIVATE_BLOCKS = [
  ['10.0.0.0', '10.255.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['fd00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
] as const;

/**
 * Warns about entries of TRUST_PROXY that trust more than proxies: a range with an address of this machine also
 * contains its neighbours, such as the pods that commands run in, and a whole private network contains the clients.
 * @param own addresses of this machine, except loopback
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
      neighbour !== undefined
        ? `contains ${neighbour}, an address of this machine`
        : block && 'is a whole private network';
    if (reason === undefined) return [];
    return [
      `TRUST_PROXY trusts ${network}, which ${reason}: everything else in it, such as project pods, ` +
        'can forge client addresses. Trust only the addresses of the proxies.',
    ];
  });
}
