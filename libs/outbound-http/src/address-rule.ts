import { canonicalAddress, networkMatcher } from '@app/kernel';

/** IPv4 networks that are not the public Internet. @see IANA IPv4 Special-Purpose Address Registry, RFC 6890 */
const NOT_PUBLIC_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

/**
 * Public by number, and served by the cloud's host to its own machines: Azure's WireServer. The metadata services of the
 * other large clouds have addresses that are not public (169.254.0.0/16, 100.100.100.200, 192.0.0.192, fd00::/8).
 * @see https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
 */
const CLOUD_SERVICES = ['168.63.129.16'];

/**
 * IPv6 networks below 2000::/3 that are not public: protocol assignments with Teredo and ORCHID, documentation, and 6to4, which carries an IPv4
 * address. @see IANA IPv6 Special-Purpose Address Registry
 */
const NOT_PUBLIC_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

/** An IPv4 address lies in the last 32 bits. @see RFC 6052 */
const NAT64 = '64:ff9b::/96';

const isSpecial = networkMatcher([...NOT_PUBLIC_V4, ...CLOUD_SERVICES, ...NOT_PUBLIC_V6]);
const isNat64 = networkMatcher([NAT64]);
/** All of IPv6 that is routed on the public Internet. @see RFC 4291, section 2.4 */
const isGlobalV6 = networkMatcher(['2000::/3']);

/**
 * Whether an address belongs to the public Internet: not to this machine, a private network, the cluster or a cloud's
 * metadata service. IPv4 addresses inside IPv6 (mapped, NAT64) count as themselves.
 */
export function isPublicAddress(text: string): boolean {
  const address = canonicalAddress(text);
  if (address === null) return false;
  if (!address.includes(':')) return !isSpecial(address);
  if (isNat64(address)) return isPublicAddress(embeddedV4(address));
  return isGlobalV6(address) && !isSpecial(address);
}

/** Of a NAT64 address in its short form. */
function embeddedV4(address: string): string {
  const groups = address.slice('64:ff9b::'.length).split(':');
  const [high = '0', low = '0'] = groups.length === 1 ? ['0', groups[0]] : groups;
  const bits = ((Number.parseInt(high || '0', 16) << 16) | Number.parseInt(low || '0', 16)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}

/** Decides whether an address may be connected to. */
export type AddressRule = (address: string) => boolean;

/** Public addresses, and the given addresses and CIDRs. */
export function addressRule(allowed: readonly string[]): AddressRule {
  const isAllowed = networkMatcher(allowed);
  return (address) => isPublicAddress(address) || isAllowed(address);
}
