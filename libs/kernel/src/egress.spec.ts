import { parseEgress } from './egress.js';
import { parseQuantity } from './quantity.js';

describe('parseEgress', () => {
  it.each([
    ['public', { destination: 'public', port: null }],
    ['public:443', { destination: 'public', port: 443 }],
    ['10.1.0.0/16', { destination: '10.1.0.0/16', port: null }],
    ['10.1.2.3/32:5432', { destination: '10.1.2.3/32', port: 5432 }],
    ['2001:db8::/32', { destination: '2001:db8::/32', port: null }],
    ['[2001:db8::/32]', { destination: '2001:db8::/32', port: null }],
    ['[2001:db8::/32]:443', { destination: '2001:db8::/32', port: 443 }],
  ])('reads %s', (text, rule) => {
    expect(parseEgress(text)).toEqual(rule);
  });

  it.each([
    '',
    'private',
    'example.com',
    '10.0.0.1',
    '10.0.0.0/33',
    '10.0.0.0/8:0',
    '10.0.0.0/8:65536',
    'public:',
    ':443',
    '[10.0.0.0/8]',
    '::/129',
    '10.0.0.0/8/8',
    'public\n',
  ])('refuses %j', (text) => {
    expect(parseEgress(text)).toBeNull();
  });
});

describe('parseQuantity', () => {
  it.each([
    ['1', 1],
    ['500m', 0.5],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['2k', 2000],
  ])('reads %s', (text, number) => {
    expect(parseQuantity(text)).toBe(number);
  });

  it.each(['', '-1', '1GB', 'Gi', '1 Gi', '0x1', '1e3', '.5', '1.', '1\n'])('refuses %j', (text) => {
    expect(parseQuantity(text)).toBeNull();
  });
});
