import { BlockList, isIP } from 'node:net';

/** Whether an address is in one of the given addresses and CIDRs. IPv4-mapped IPv6 counts as IPv4; zones are ignored. */
export function isInNetworks(address: string, networks: readonly string[]): boolean {
  const plain = normalize(address);
  const family = isIP(plain);
  if (family === 0) return false;
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', bits] = network.split('/');
    const version = isIP(base) === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) list.addAddress(base, version);
    else list.addSubnet(base, Number(bits), version);
  }
  return list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}

function normalize(address: string): string {
  const withoutZone = address.split('%', 1)[0] ?? '';
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(withoutZone)?.[1] ?? withoutZone;
}
