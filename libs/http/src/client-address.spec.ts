import { type TrustedProxies, clientAddressBy } from './client-address.js';

const NETWORKS = ['10.0.0.0/8', 'fd00::/8', 'fe80::/10'];

describe('the client address', () => {
  it.each<
    [name: string, proxies: TrustedProxies, peer: string, forwardedFor: string | undefined, expected: string | null]
  >([
    ['no proxy is trusted', 0, '192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['no proxy is trusted, not even loopback', 0, '::1', '203.0.113.9', '::1'],
    ['an empty list trusts no proxy', [], '10.0.0.1', '203.0.113.9', '10.0.0.1'],
    ['one hop', 1, '10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['one hop: the client wrote the rest', 1, '10.0.0.1', '127.0.0.1, 10.9.9.9, 203.0.113.9', '203.0.113.9'],
    ['two hops', 2, '10.0.0.1', '127.0.0.1, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
    ['more hops than entries: a proxy was bypassed', 3, '10.0.0.1', '203.0.113.9', null],
    ['more hops than entries of the client and the proxies', 3, '10.0.0.1', '127.0.0.1, 203.0.113.9', null],
    ['hops, but no header', 2, '203.0.113.9', undefined, null],
    ['one hop, but no header', 1, '10.0.0.1', undefined, null],
    ['a proxy in the list', NETWORKS, '10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['a peer that is not a proxy', NETWORKS, '192.0.2.1', '10.0.0.5', '192.0.2.1'],
    ['a forged entry in front', NETWORKS, '10.0.0.1', '10.0.0.5, 203.0.113.9', '203.0.113.9'],
    ['several proxies', NETWORKS, '10.0.0.1', '127.0.0.1, 203.0.113.9, 10.0.0.3,10.0.0.2', '203.0.113.9'],
    ['only proxies', NETWORKS, '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['a mapped peer', NETWORKS, '::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['a mapped peer in hex', NETWORKS, '::ffff:a00:1', '203.0.113.9', '203.0.113.9'],
    ['a mapped peer that is not a proxy', NETWORKS, '::ffff:192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['mapped entries', NETWORKS, '10.0.0.1', '::ffff:203.0.113.9, ::ffff:a00:2', '203.0.113.9'],
    ['IPv6', NETWORKS, 'fd00::1', '2001:0DB8::0001', '2001:db8::1'],
    ['a zone', NETWORKS, 'fe80::1%eth0', '203.0.113.9', '203.0.113.9'],
    ['a zone in the entry', 1, '10.0.0.1', 'fe80::2%eth0', 'fe80::2'],
    ['a port', 1, '10.0.0.1', '203.0.113.9:5678', '203.0.113.9'],
    ['a port after IPv6', 1, '10.0.0.1', '[2001:db8::1]:80', '2001:db8::1'],
    ['brackets without a port', 1, '10.0.0.1', '[2001:db8::1]', '2001:db8::1'],
    ['a proxy with a port', NETWORKS, '10.0.0.1', '203.0.113.9, 10.0.0.2:443', '203.0.113.9'],
    ['tabs and spaces', 1, '10.0.0.1', ' \t203.0.113.9\t ', '203.0.113.9'],
    ['garbage where the client should be', 1, '10.0.0.1', 'unknown', null],
    ['garbage, with a proxy list', NETWORKS, '10.0.0.1', '10.0.0.5, unknown', null],
    ['garbage between proxies', 2, '10.0.0.1', '10.0.0.5, garbage', null],
    ['garbage from the client', 1, '10.0.0.1', 'unknown, ,"x", 203.0.113.9', '203.0.113.9'],
    ['an empty entry', 1, '10.0.0.1', '10.0.0.5,', null],
    ['an empty header', 1, '10.0.0.1', '', null],
    ['IPv4 in brackets', 1, '10.0.0.1', '[10.0.0.5]:80', null],
    ['a port that is too long', 1, '10.0.0.1', '203.0.113.9:123456', null],
    ['an octal address', 1, '10.0.0.1', '010.0.0.5', null],
    ['an obfuscated identifier', 1, '10.0.0.1', '_hidden', null],
    ['a quoted address', 1, '10.0.0.1', '"10.0.0.5"', null],
    ['the format of Forwarded', 1, '10.0.0.1', 'for=10.0.0.5', null],
    ['a CIDR', 1, '10.0.0.1', '10.0.0.0/8', null],
    ['a closed socket', 1, '', '203.0.113.9', null],
  ])('%s', (_name, proxies, peer, forwardedFor, expected) => {
    expect(clientAddressBy(proxies)(peer, forwardedFor)).toBe(expected);
  });

  it('does not depend on what the client writes before the entries of the proxies (10,000 forgeries)', () => {
    const pieces = [
      '127.0.0.1',
      '10.0.0.9',
      '::1',
      '::ffff:10.0.0.9',
      'fd00::9',
      '',
      ' ',
      'unknown',
      ',',
      '\t',
      '"',
      '%',
      '[',
      ']',
      ':80',
    ];
    const trust = [
      { find: clientAddressBy(2), appended: '203.0.113.9, 10.0.0.2' },
      { find: clientAddressBy(NETWORKS), appended: '203.0.113.9, 10.0.0.2' },
      { find: clientAddressBy(NETWORKS), appended: '::ffff:203.0.113.9, [fd00::2]:1, 10.0.0.2:9' },
    ];
    const nobody = clientAddressBy(0);
    const passed: string[] = [];
    for (let round = 0; round < 10_000; round++) {
      // Deterministic: the round is written in the base of the number of pieces.
      let rest = round * 7919;
      let forged = '';
      do forged += pieces[rest % pieces.length]! + (rest % 3 === 0 ? ',' : '');
      while ((rest = Math.floor(rest / pieces.length)) > 0);
      const isRight = trust.every(({ find, appended }) => find('10.0.0.1', `${forged}, ${appended}`) === '203.0.113.9');
      if (!isRight || nobody('192.0.2.1', forged) !== '192.0.2.1') passed.push(forged);
    }
    expect(passed).toEqual([]);
  });
});
