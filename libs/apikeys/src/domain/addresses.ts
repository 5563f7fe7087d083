import { BlockList, isIP } from 'node:net';

/** IPv4 lies in IPv6 as ::ffff:0:0/96. */
const IPV4_OFFSET_BITS = 96;

/** A key's list stays the same object as long as the key is in memory, and building this costs more than asking it. */
const compiled = new WeakMap<readonly string[], BlockList>();

/** Whether an address is in one of the given addresses and CIDRs. IPv4-mapped IPv6 counts as IPv4; zones are ignored. */
export function isInNetworks(address: string, networks: readonly string[]): boolean {
  const plain = normalize(address);
  const family = isIP(plain);
  if (family === 0) return false;
  let list = compiled.get(networks);
  if (list === undefined) compiled.set(networks, (list = compile(networks)));
  return list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}

/** Whether every address of the one network is in the other: a longer prefix that begins in it. */
export function isNetworkWithin(network: string, outer: string): boolean {
  const [base = ''] = network.split('/');
  return prefixBits(network) >= prefixBits(outer) && isInNetworks(base, [outer]);
}

function compile(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', bits] = network.split('/');
    const version = isIP(base) === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) list.addAddress(base, version);
    else list.addSubnet(base, Number(bits), version);
  }
  return list;
}

function prefixBits(network: string): number {
  const [base = '', bits = '128'] = network.split('/');
  if (isIP(base) === 6) return Number(bits);
  return IPV4_OFFSET_BITS + (network.includes('/') ? Number(bits) : 32);
}

function normalize(address: string): string {
  const withoutZone = address.split('%', 1)[0] ?? '';
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(withoutZone)?.[1] ?? withoutZone;
}
