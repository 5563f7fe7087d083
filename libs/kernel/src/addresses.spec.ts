import { canonicalAddress, isInNetworks, subscriberOf } from './addresses.js';

describe('isInNetworks', () => {
  it.each([
    ['10.1.2.3', ['10.0.0.0/8'], true],
    ['11.0.0.0', ['10.0.0.0/8'], false],
    ['192.0.2.7', ['192.0.2.7'], true],
    ['192.0.2.8', ['192.0.2.7'], false],
    ['192.0.2.7', ['192.0.2.7/32'], true],
    ['203.0.113.9', ['0.0.0.0/0'], true],
    ['203.0.113.9', ['10.0.0.0/8', '203.0.113.0/24'], true],
    ['203.0.113.9', [], false],
    // IPv6 in any notation
    ['2001:db8::1', ['2001:db8::/32'], true],
    ['2001:0db8:0000::0001', ['2001:db8::1'], true],
    ['2001:DB8::1', ['2001:db8::1'], true],
    ['2001:db9::1', ['2001:db8::/32'], false],
    ['::1', ['::1/128'], true],
    ['fe80::1%eth0', ['fe80::/10'], true],
    // IPv4 as reported by a dual-stack socket
    ['::ffff:10.1.2.3', ['10.0.0.0/8'], true],
    ['::FFFF:10.1.2.3', ['10.0.0.0/8'], true],
    ['::ffff:a01:203', ['10.0.0.0/8'], true],
    ['::ffff:11.1.2.3', ['10.0.0.0/8'], false],
    // The families are distinct
    ['10.1.2.3', ['2001:db8::/32'], false],
    ['2001:db8::1', ['0.0.0.0/0'], false],
    ['10.1.2.3', ['::ffff:10.0.0.0/104'], true],
    ['10.1.2.3', ['::ffff:a01:203'], true],
    ['::ffff:a01:203', ['10.1.2.3'], true],
    ['fe80::1%eth0', ['fe80::1'], true],
    ['fe80::1', ['fe80::1%eth0'], true],
    ['::10.1.2.3', ['10.0.0.0/8'], false],
  ])('%s in %j: %s', (address, networks, expected) => {
    expect(isInNetworks(address, networks)).toBe(expected);
  });

  it.each([
    '',
    'unknown',
    '10.1.2',
    '10.1.2.3.4',
    '010.1.2.3',
    '10.1.2.3/8',
    '10.1.2.3, 10.1.2.4',
    '[::1]',
    'localhost',
  ])('is false for "%s", which is not an address', (address) => {
    expect(isInNetworks(address, ['0.0.0.0/0', '::/0'])).toBe(false);
  });
});

describe('canonicalAddress', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:c000:0201', '192.0.2.1'],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::', '::'],
    ['010.0.0.1', null],
    ['0x7f.1', null],
    ['2130706433', null],
    ['1.2.3.4%eth0', null],
    [' 192.0.2.1', null],
    ['192.0.2.1\n', null],
    ['fe80::1%', null],
    ['', null],
  ])('%j is %j', (text, expected) => {
    expect(canonicalAddress(text)).toBe(expected);
  });
});

describe('subscriberOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('%s is %s', (address, expected) => {
    expect(subscriberOf(address)).toBe(expected);
  });
});
