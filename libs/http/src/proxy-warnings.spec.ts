import { proxyWarnings } from './proxy-warnings.js';

const OWN = ['10.42.3.17', 'fd00:42::11', 'fe80::1'];

describe('TRUST_PROXY', () => {
  it.each<[string, RegExp]>([
    ['10.42.3.0/24', /10\.42\.3\.0\/24, which contains 10\.42\.3\.17, an address of this machine/],
    ['10.0.0.0/8', /10\.42\.3\.17/],
    ['0.0.0.0/1', /10\.42\.3\.17/],
    ['fd00:42::/32', /fd00:42::11/],
    ['172.16.0.0/12', /a whole private network/],
    ['192.168.0.0/16', /a whole private network/],
    ['128.0.0.0/1', /a whole private network/],
    ['100.64.0.0/10', /a whole private network/],
    ['fc00::/7', /fd00:42::11/],
  ])('warns about %s, which contains more than proxies', (network, reason) => {
    expect(proxyWarnings(['192.0.2.1', network], OWN)).toEqual([expect.stringMatching(reason)]);
  });

  it.each(['192.0.2.0/24', '10.0.7.0/24', '172.16.0.0/13', '10.42.3.17', '10.42.3.17/32', '127.0.0.1', '127.0.0.0/8'])(
    'accepts %s, which may contain only proxies',
    (network) => {
      expect(proxyWarnings([network], OWN)).toEqual([]);
    },
  );

  it('accepts a hop count', () => {
    expect(proxyWarnings(1, OWN)).toEqual([]);
  });
});
