import { createSocket, type Socket } from 'node:dgram';
import { promises as dns } from 'node:dns';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { CertificateAuthority } from '../../../test/support/certificates.js';
import { AddressRefused } from './errors.js';
import { OutboundHttp } from './outbound-http.js';
import { NameUnresolved } from './names.js';
import { addressRule, isPublicAddress } from './address-rule.js';
import { whyNoTarget } from './target.js';

const LOOPBACK = ['127.0.0.0/8', '::1'];
const REQUEST = { headers: { 'content-type': 'application/json' }, body: '{}', timeoutMs: 5_000, keptBytesMax: 16 };

/** Ways to lead a request to an address that it must not reach. */
const TRICKS = [
  'http://127.0.0.1/',
  'http://127.1/',
  'http://127.0.1/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0x7f.1/',
  'http://0177.0.0.1/',
  'http://017700000001/',
  'http://0x7f.0.0.0x1/',
  'http://127.255.255.254/',
  'http://0/',
  'http://0.0.0.0/',
  'http://0.0.0.0:8080/',
  'http://[::]/',
  'http://[::1]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[::ffff:0:127.0.0.1]/',
  'http://[::127.0.0.1]/',
  'http://[64:ff9b::127.0.0.1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[64:ff9b:1::a00:1]/',
  'http://[2002:7f00:1::]/',
  'http://[2001:0:7f00:1::]/',
  'http://[fe80::1]/',
  'http://[fc00::1]/',
  'http://[fd00:ec2::254]/',
  'http://[ff02::1]/',
  'http://[100::1]/',
  'http://10.0.0.1/',
  'http://10.96.0.1/',
  'http://172.16.0.1/',
  'http://172.31.255.255/',
  'http://192.168.1.1/',
  'http://100.64.0.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://0xa9fea9fe/',
  'http://2852039166/',
  'http://192.0.0.192/',
  'http://168.63.129.16/machine',
  'http://[64:ff9b::168.63.129.16]/',
  'http://100.100.100.200/latest/meta-data',
  'http://[fd20:ce::254]/',
  'http://198.18.0.1/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://localhost/',
  'http://LOCALHOST./',
  'http://web.localhost/',
  'http://１２７.０.０.１/',
  'http://127。0。0。1/',
  'http://①②⑦.0.0.1/',
  'http://user@127.0.0.1/',
  'https://example.com@127.0.0.1/',
  'https://127.0.0.1#@example.com/',
  'https://127.0.0.1\\@example.com/',
  'https://user:pass@example.com/',
  'https://example.com:22/',
  'https://example.com:25/',
  'ftp://example.com/',
  'file:///etc/passwd',
  'gopher://127.0.0.1:70/_',
  'javascript:alert(1)',
  '//example.com/',
  'example.com',
  ' https://example.com/',
  'https://example.com/\t',
  'https://exa\nmple.com/',
  'https://example.com/a\r\nx: y',
  'https://example.com/a b',
  'https://example.com/\u00a0',
  'https://example.com/\u2028',
  'https://example.com/\u0000',
  'https://example.com/\u007f',
  'https://example.com/\u0085',
  'https://example.com/#',
  'https://example.com/#/a',
  `https://${'a'.repeat(64)}.example/`,
  `https://${'a.'.repeat(127)}example/`,
  `https://example.com/${'x'.repeat(2_100)}`,
];

describe('whyNoTarget', () => {
  const mayConnect = addressRule([]);

  it.each(TRICKS)('refuses %s', (url) => {
    expect(whyNoTarget(url, mayConnect)).toMatch(/^must /);
  });

  it.each(['https://example.com/hook?a=b', 'http://93.184.215.14:8443/', 'https://[2606:2800:21f::1]/'])(
    'takes %s',
    (url) => {
      expect(whyNoTarget(url, mayConnect)).toBeNull();
    },
  );

  it('says what is wrong with whitespace and control characters', () => {
    expect(whyNoTarget(' https://exa\nmple.com/\t', mayConnect)).toBe(
      'must not contain whitespace or control characters',
    );
  });

  it('takes what is allowed, and nothing next to it', () => {
    const allowed = addressRule(['10.1.0.0/16', 'fd00:1::/32']);
    expect(whyNoTarget('http://10.1.2.3/', allowed)).toBeNull();
    expect(whyNoTarget('http://[::ffff:10.1.2.3]/', allowed)).toBeNull();
    expect(whyNoTarget('http://[fd00:1::5]/', allowed)).toBeNull();
    expect(whyNoTarget('http://10.2.0.1/', allowed)).not.toBeNull();
    expect(whyNoTarget('http://[fd00:2::5]/', allowed)).not.toBeNull();
  });
});

describe('isPublicAddress', () => {
  it.each([
    '1.1.1.1',
    '223.255.255.255',
    '172.15.0.1',
    '172.32.0.1',
    '2a00:1450::1',
    '64:ff9b::101:101',
    '::ffff:1.1.1.1',
  ])('holds for %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each(['', 'example.com', '1.1.1', '64:ff9b::a00:1', '64:ff9b::', '4000::1'])(
    'does not hold for "%s"',
    (address) => {
      expect(isPublicAddress(address)).toBe(false);
    },
  );
});

describe('OutboundHttp', () => {
  let server: Server;
  let port: number;
  let seen: { body: string; host: string | undefined }[];
  let respond: (request: IncomingMessage, response: ServerResponse) => void;
  const clients: OutboundHttp[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push({ body, host: request.headers.host });
        respond(request, response);
      });
    });
    port = await listening(server);
  });
  beforeEach(() => {
    seen = [];
    respond = (_request, response) => response.end('thanks');
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });
  afterAll(() => void server.close());

  const client = (options: Partial<ConstructorParameters<typeof OutboundHttp>[0]> = {}): OutboundHttp => {
    const made = new OutboundHttp({ allowed: LOOPBACK, ...options });
    clients.push(made);
    return made;
  };
  /** Resolves each name to the next of these addresses, and repeats the last one. */
  const resolving = (...addresses: string[]) => {
    const left = [...addresses];
    return () => Promise.resolve([left.length > 1 ? left.shift()! : left[0]!]);
  };

  it('sends the body, and keeps the first bytes of the response', async () => {
    respond = (_request, response) => response.writeHead(202, { 'retry-after': '7' }).end('x'.repeat(100_000));
    const { status, headers, excerpt } = await client().post({
      ...REQUEST,
      url: `http://127.0.0.1:${port}/hook`,
      body: '{"a":1}',
    });
    expect([status, headers['retry-after'], excerpt.toString()]).toEqual([202, '7', 'x'.repeat(16)]);
    expect(seen).toEqual([{ body: '{"a":1}', host: `127.0.0.1:${port}` }]);
  });

  it('does not follow a redirect', async () => {
    respond = (_request, response) => response.writeHead(302, { location: `http://127.0.0.1:${port}/other` }).end();
    expect((await client().post({ ...REQUEST, url: `http://127.0.0.1:${port}/` })).status).toBe(302);
    expect(seen).toHaveLength(1);
  });

  it('uses a connection again', async () => {
    const sockets = new Set<number | undefined>();
    respond = (request, response) => {
      sockets.add(request.socket.remotePort);
      response.end('ok');
    };
    const one = client();
    for (let i = 0; i < 6; i++) await one.post({ ...REQUEST, url: `http://127.0.0.1:${port}/` });
    expect(sockets.size).toBeLessThan(4);
  });

  it('waits for headers no longer than it is told', async () => {
    respond = () => undefined;
    const sent = client().post({ ...REQUEST, url: `http://127.0.0.1:${port}/`, timeoutMs: 200 });
    await expect(sent).rejects.toThrow('There was no response within 0.2 s.');
  });

  it('reads no more of a body without end than it keeps', async () => {
    respond = (_request, response) => {
      const timer = setInterval(() => response.write('x'.repeat(1_000)), 1);
      response.on('close', () => clearInterval(timer));
    };
    expect((await client().post({ ...REQUEST, url: `http://127.0.0.1:${port}/` })).excerpt).toHaveLength(16);
  });

  it('refuses a name that resolves to a private address, without a connection', async () => {
    const sent = client({ allowed: [], resolve: resolving('127.0.0.1') }).post({
      ...REQUEST,
      url: `http://rebound.example:${port}/`,
    });
    await expect(sent).rejects.toThrow(AddressRefused);
    await expect(sent).rejects.toThrow(
      'The target is refused: rebound.example leads to an address that is not allowed.',
    );
    expect(seen).toEqual([]);
  });

  it('refuses a name that resolves to another address the next time, as a DNS server of an attacker does', async () => {
    const rebinding = await RebindingDns.start(['93.184.215.14', '127.0.0.1']);
    const first = await rebinding.lookup('rebound.example');
    expect(first).toEqual(['93.184.215.14']);
    const sent = client({ allowed: [], resolve: rebinding.lookup }).post({
      ...REQUEST,
      url: `http://rebound.example:${port}/`,
    });
    await expect(sent).rejects.toThrow(AddressRefused);
    expect(seen).toEqual([]);
    rebinding.close();
  });

  it('picks the addresses that are allowed among those of a name', async () => {
    const resolve = () => Promise.resolve(['10.0.0.1', '127.0.0.1']);
    await client({ resolve }).post({ ...REQUEST, url: `http://two.example:${port}/` });
    expect(seen).toEqual([{ body: '{}', host: `two.example:${port}` }]);
  });

  it('verifies certificates', async () => {
    const { key, certificate: cert } = new CertificateAuthority().issue('hook.example');
    const secure = createTlsServer({ key, cert }, (_request, response) => response.end());
    const securePort = await listening(secure);
    const sent = client({ resolve: resolving('127.0.0.1') }).post({
      ...REQUEST,
      url: `https://hook.example:${securePort}/`,
    });
    await expect(sent).rejects.toMatchObject({ code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO|DEPTH_ZERO|CERT_/) });
    secure.close();
  });

  describe('with a proxy of the platform', () => {
    let proxy: Server;
    let asked: string[];
    let url: string;
    beforeAll(async () => {
      proxy = createServer((request, response) => {
        asked.push(request.url ?? '');
        response.end('from the proxy');
      });
      proxy.on('connect', (request, socket) => {
        asked.push(`CONNECT ${request.url}`);
        const upstream = connect(port, '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          upstream.pipe(socket).pipe(upstream);
        });
      });
      url = `http://127.0.0.1:${await listening(proxy)}`;
    });
    beforeEach(() => (asked = []));
    afterAll(() => void proxy.close());
    const nowhere = (name: string) => Promise.reject(new NameUnresolved(name, 'ENOTFOUND'));

    it('sends through it what is not excepted, names that only it can resolve as well', async () => {
      const sender = client({
        proxy: { http: url, noProxy: '127.0.0.1' },
        resolve: nowhere,
        allowed: LOOPBACK,
      });
      await sender.post({ ...REQUEST, url: 'http://outside.example/hook' });
      expect(asked.join(' ')).toContain('outside.example');
      asked = [];
      await sender.post({ ...REQUEST, url: `http://127.0.0.1:${port}/direct` });
      expect([asked, seen.at(-1)?.host]).toEqual([[], `127.0.0.1:${port}`]);
    });

    it('does not ask it for what is not allowed', async () => {
      const sender = client({ allowed: [], proxy: { http: url }, resolve: resolving('10.0.0.1') });
      await expect(sender.post({ ...REQUEST, url: 'http://inside.example/' })).rejects.toThrow(AddressRefused);
      await expect(sender.post({ ...REQUEST, url: 'http://169.254.169.254/' })).rejects.toThrow(AddressRefused);
      expect(asked).toEqual([]);
    });
  });
});

function listening(server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
}): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve((server.address() as { port: number }).port);
    });
  });
}

/** A DNS server that gives each question the next of its addresses. */
class RebindingDns {
  private readonly resolver = new dns.Resolver();
  private asked = 0;

  private constructor(
    private readonly socket: Socket,
    private readonly addresses: readonly string[],
  ) {
    this.resolver.setServers([`127.0.0.1:${socket.address().port}`]);
    socket.on('message', (question, from) => {
      const address = this.addresses[Math.min(this.asked++, this.addresses.length - 1)]!;
      socket.send(answerTo(question, address), from.port, from.address);
    });
  }

  static async start(addresses: readonly string[]): Promise<RebindingDns> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => {
      socket.bind(0, '127.0.0.1', resolve);
    });
    return new RebindingDns(socket, addresses);
  }

  readonly lookup = (name: string): Promise<string[]> => this.resolver.resolve4(name);

  close(): void {
    this.socket.close();
  }
}

/** A response with one A record that must not be cached. @see RFC 1035, section 4 */
function answerTo(question: Buffer, address: string): Buffer {
  const end = question.indexOf(0, 12) + 5;
  const header = Buffer.from([...question.subarray(0, 2), 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]);
  return Buffer.concat([header, question.subarray(12, end), record]);
}
