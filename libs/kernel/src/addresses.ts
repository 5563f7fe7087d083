import { BlockList, SocketAddress, isIP } from 'node:net';

/**
 * The canonical spelling of an address, for comparing, logging and counting: IPv4-mapped IPv6 becomes IPv4, IPv6 its
 * short form, zones (`%eth0`) are removed. Null: not an address.
 */
export function canonicalAddress(text: string): string | null {
  const version = isIP(text);
  if (version === 0) return null;
  if (version === 4) return text;
  const { address } = new SocketAddress({ address: text.split('%', 1)[0] ?? '', family: 'ipv6' });
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1] ?? address;
}

/** Returns a function that checks whether an address is in one of the addresses and CIDRs; false for invalid ones. */
export function networkMatcher(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', bits] = network.split('/');
    const plain = bits === undefined ? (canonicalAddress(base) ?? base) : base;
    const family = isIP(plain) === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) list.addAddress(plain, family);
    else list.addSubnet(plain, Number(bits), family);
  }
  return (text) => {
    const address = canonicalAddress(text);
    return address !== null && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  };
}

/** Whether an address is in one of the given addresses and CIDRs. */
export function isInNetworks(address: string, networks: readonly string[]): boolean {
  return networkMatcher(networks)(address);
}

/** The client that an address identifies: IPv6 counts by its /64, since one machine may use all of its addresses. */
export function subscriberOf(address: string): string {
  const canonical = canonicalAddress(address) ?? address;
  if (isIP(canonical) !== 6) return canonical;
  const [head = '', tail] = canonical.split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const all = [...groups, ...Array<string>(missing).fill('0'), ...(tail ?? '').split(':')];
  return `${all.slice(0, 4).join(':')}::/64`;
}
