import { Proxies, ProxyFailed, proxyHeaders } from './proxy.js';

describe('NO_PROXY', () => {
  it.each([
    ['*', 'http://example.com/', true],
    ['none.invalid, *', 'http://example.com/', true],
    ['example.com', 'http://example.com/', true],
    ['example.com', 'http://EXAMPLE.com./', true],
    ['EXAMPLE.COM.', 'http://example.com/', true],
    ['example.com', 'http://a.b.example.com/', true],
    ['.example.com', 'http://a.example.com/', true],
    ['.example.com', 'http://example.com/', true],
    ['*.example.com', 'http://a.example.com/', true],
    ['*.example.com', 'http://example.com/', false],
    // A suffix ends at a dot.
    ['example.com', 'http://notexample.com/', false],
    ['example.com', 'http://example.com.attacker.test/', false],
    ['ple.com', 'http://example.com/', false],
    ['com', 'http://example.com/', true],
    // Ports, given or of the protocol
    ['example.com:80', 'http://example.com/', true],
    ['example.com:80', 'http://example.com:8080/', false],
    ['example.com:8080', 'http://example.com:8080/', true],
    ['*:8080', 'http://example.com/', false],
    // Addresses in any notation, and networks
    ['10.1.2.3', 'http://10.1.2.3/', true],
    ['10.1.2.3', 'http://10.1.2.30/', false],
    ['10.1.2.3', 'http://0x0a010203/', true],
    ['10.1.2.3', 'http://[::ffff:10.1.2.3]/', true],
    ['10.1.0.0/16', 'http://10.1.2.3/', true],
    ['10.1.0.0/16', 'http://10.2.2.3/', false],
    ['10.1.0.0/16:8080', 'http://10.1.2.3:8080/', true],
    ['10.1.0.0/16', 'http://10.1.2.3.example.com/', false],
    ['fd00::/8', 'http://[fd00::1]/', true],
    ['2001:db8::1', 'http://[2001:db8:0::1]/', true],
    ['[2001:db8::1]', 'http://[2001:db8::1]/', true],
    ['[2001:db8::1]:8080', 'http://[2001:db8::1]:8080/', true],
    ['[2001:db8::1]:8080', 'http://[2001:db8::1]/', false],
    // Invalid entries except nothing.
    ['10.1.0.0/99', 'http://10.1.2.3/', false],
    ['10.1.0.0/', 'http://10.1.2.3/', false],
    ['fe80::%eth0/10', 'http://[fe80::1]/', false],
    ['10.1.0.0/x', 'http://10.1.2.3/', false],
    [', ,.,*.', 'http://example.com/', false],
    ['', 'http://example.com/', false],
  ])('%s excepts %s: %s', (noProxy, target, isExcepted) => {
    const proxies = new Proxies({ http: 'http://proxy.example:3128', noProxy });
    expect(proxies.for(new URL(target)) === null).toBe(isExcepted);
  });
});

describe('Proxies', () => {
  it('keep the protocols apart', () => {
    const proxies = new Proxies({ http: 'http://one.example', https: 'http://two.example' });
    expect(proxies.for(new URL('http://a.example'))?.host).toBe('one.example');
    expect(proxies.for(new URL('https://a.example'))?.host).toBe('two.example');
    expect(new Proxies({ http: 'http://one.example' }).for(new URL('https://a.example'))).toBeNull();
  });
});

describe('the credentials of a proxy', () => {
  const header = (url: string) => proxyHeaders(new URL(url))['proxy-authorization'];
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

  it('are decoded for the header, as far as they are encoded', () => {
    expect(header('http://user:p%40ss@proxy.example')).toBe(basic('user:p@ss'));
    expect(header('http://user@proxy.example')).toBe(basic('user:'));
    expect(header('http://user:100%25%zz@proxy.example')).toBe(basic('user:100%25%zz'));
    expect(header('http://proxy.example')).toBeUndefined();
  });

  it('are not in what is said about a failure', () => {
    const cause = Object.assign(new Error('getaddrinfo ENOTFOUND secret.internal'), { code: 'ENOTFOUND' });
    expect(ProxyFailed.unreachable(cause).message).toBe('The proxy could not be reached: ENOTFOUND.');
  });
});
