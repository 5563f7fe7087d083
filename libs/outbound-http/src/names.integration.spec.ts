import { execFileSync } from 'node:child_process';
import { type Socket, createSocket } from 'node:dgram';
import { constants, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemNames } from './names.js';
import { OutboundHttp } from './outbound-http.js';

const REQUEST = { headers: {}, body: '{}', timeoutMs: 5_000, keptBytesMax: 16 };
const NEVER = new AbortController().signal;
const THREADS = Number(process.env.UV_THREADPOOL_SIZE ?? 4);
const TYPE_A = 1;
const NAME_ERROR = 3;

describe('SystemNames', () => {
  let directory: string;
  let dns: DnsServer;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'names-'));
    dns = await DnsServer.start();
  });
  beforeEach(() => dns.reset());
  afterAll(() => {
    dns.close();
    rmSync(directory, { recursive: true });
  });

  const names = (hosts = '', resolvConf = '') => {
    const files = { hosts: join(directory, 'hosts'), resolvConf: join(directory, 'resolv.conf') };
    writeFileSync(files.hosts, hosts);
    writeFileSync(files.resolvConf, resolvConf);
    return new SystemNames(files, [dns.address]);
  };
  const CLUSTER = 'search own.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n';

  it('takes names from the hosts file first, in any case, without a question', async () => {
    const { resolve } = names('# local\n192.0.2.7\treceiver Receiver.Example # both\n2001:db8::7 receiver\nbroken x\n');
    expect(await resolve('receiver', NEVER)).toEqual(['192.0.2.7', '2001:db8::7']);
    expect(await resolve('RECEIVER.example.', NEVER)).toEqual(['192.0.2.7']);
    expect(dns.asked).toEqual([]);
  });

  it('reads the hosts file again when it has changed', async () => {
    const { resolve } = names('192.0.2.7 receiver\n');
    await resolve('receiver', NEVER);
    writeFileSync(join(directory, 'hosts'), '192.0.2.88 receiver\n');
    expect(await resolve('receiver', NEVER)).toEqual(['192.0.2.88']);
  });

  it('knows localhost without any file', async () => {
    expect(await names().resolve('web.localhost', NEVER)).toEqual(['127.0.0.1', '::1']);
    expect(dns.asked).toEqual([]);
  });

  it('finds Services of a cluster by search and ndots', async () => {
    dns.records.set('receiver.team.svc.cluster.local', '10.96.0.7');
    expect(await names('', CLUSTER).resolve('receiver.team', NEVER)).toEqual(['10.96.0.7']);
    expect(dns.asked).toEqual(['receiver.team.own.svc.cluster.local', 'receiver.team.svc.cluster.local']);
  });

  it('asks for a name with enough dots as it is first, and for an absolute one only so', async () => {
    dns.records.set('a.example', '192.0.2.1');
    expect(await names('', 'search x.test\n').resolve('a.example', NEVER)).toEqual(['192.0.2.1']);
    expect(await names('', CLUSTER).resolve('a.example.', NEVER)).toEqual(['192.0.2.1']);
    expect(dns.asked).toEqual(['a.example', 'a.example']);
  });

  it('says that a name does not exist', async () => {
    const found = names('', CLUSTER).resolve('none.example', NEVER);
    await expect(found).rejects.toThrow('none.example was not resolved: ENOTFOUND.');
    expect(dns.asked).toHaveLength(4);
  });

  it('stops asking when the time is over', async () => {
    dns.silent.add('dead.example');
    await expect(names().resolve('dead.example', AbortSignal.timeout(100))).rejects.toThrow();
  });
});

describe('OutboundHttp and names', () => {
  let server: Server;
  let dns: DnsServer;
  let seen: string[];
  let port: number;
  const clients: OutboundHttp[] = [];
  beforeAll(async () => {
    dns = await DnsServer.start();
    server = createServer((request, response) => {
      seen.push(String(request.headers.host));
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  beforeEach(() => {
    seen = [];
    dns.reset();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });
  afterAll(() => {
    server.close();
    dns.close();
  });

  const client = (options: Partial<ConstructorParameters<typeof OutboundHttp>[0]> = {}) => {
    const made = new OutboundHttp({ allowed: ['127.0.0.0/8'], ...options });
    clients.push(made);
    return made;
  };

  it('reaches a name in /etc/hosts while all threads are busy, as with files that do not respond', async () => {
    const release = await blockThreads();
    try {
      await client().post({ ...REQUEST, url: `http://localhost:${port}/` });
      expect(seen).toEqual([`localhost:${port}`]);
    } finally {
      await release();
    }
  });

  it('is not held up by attempts to a name whose server is silent, which say so', async () => {
    dns.silent.add('dead.example');
    dns.records.set('healthy.example', '127.0.0.1');
    const { resolve } = new SystemNames({ hosts: '/none', resolvConf: '/none' }, [dns.address]);
    const sender = client({ resolve, connectMs: 1_500 });
    const ends: string[] = [];
    const dead = Array.from({ length: 8 }, () =>
      sender.post({ ...REQUEST, url: `http://dead.example:${port}/` }).catch((error: unknown) => {
        ends.push((error as Error).message);
      }),
    );
    await sender.post({ ...REQUEST, url: `http://healthy.example:${port}/` });
    expect([seen, ends]).toEqual([[`healthy.example:${port}`], []]);
    await Promise.all(dead);
    expect(ends).toEqual(Array(8).fill('dead.example was not resolved in time.'));
  });

  it('follows a CNAME, and checks the address at its end', async () => {
    dns.aliases.set('alias.example', 'target.example');
    dns.records.set('target.example', '127.0.0.1');
    const { resolve } = new SystemNames({ hosts: '/none', resolvConf: '/none' }, [dns.address]);
    const url = `http://alias.example:${port}/`;
    await client({ resolve }).post({ ...REQUEST, url });
    await expect(client({ resolve, allowed: [] }).post({ ...REQUEST, url })).rejects.toThrow('is refused');
    expect(seen).toEqual([`alias.example:${port}`]);
  });
});

/** Occupies all threads of libuv, as opening a pipe waits for its other end. */
async function blockThreads(): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), 'pipes-'));
  const pipes = Array.from({ length: THREADS }, (_, index) => join(directory, String(index)));
  execFileSync('mkfifo', pipes);
  const opened = pipes.map((pipe) => open(pipe, 'r'));
  return async () => {
    const writers = pipes.map((pipe) => openSync(pipe, constants.O_RDWR));
    for (const file of await Promise.all(opened)) await file.close();
    writers.forEach(closeSync);
    rmSync(directory, { recursive: true });
  };
}

/** A DNS server with A records and aliases; it does not respond to questions about silent names. */
class DnsServer {
  readonly records = new Map<string, string>();
  readonly aliases = new Map<string, string>();
  readonly silent = new Set<string>();
  /** The names that were asked for. */
  asked: string[] = [];

  private constructor(private readonly socket: Socket) {
    socket.on('message', (question, from) => {
      const { name, type } = questionIn(question);
      if (type === TYPE_A) this.asked.push(name);
      if (!this.silent.has(name)) socket.send(this.answerTo(question, name, type), from.port, from.address);
    });
  }

  static async start(): Promise<DnsServer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => {
      socket.bind(0, '127.0.0.1', resolve);
    });
    return new DnsServer(socket);
  }

  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  reset(): void {
    for (const all of [this.records, this.aliases, this.silent]) all.clear();
    this.asked = [];
  }

  close(): void {
    this.socket.close();
  }

  /** @see RFC 1035, section 4 */
  private answerTo(question: Buffer, name: string, type: number): Buffer {
    const end = question.indexOf(0, 12) + 5;
    const alias = this.aliases.get(name);
    const address = this.records.get(alias ?? name);
    const records: Buffer[] = [];
    if (address !== undefined && type === TYPE_A) {
      if (alias !== undefined) records.push(recordOf(encoded(name), 5, encoded(alias)));
      records.push(recordOf(encoded(alias ?? name), 1, Buffer.from(address.split('.').map(Number))));
    }
    const code = address === undefined ? NAME_ERROR : 0;
    const header = Buffer.from([...question.subarray(0, 2), 0x81, 0x80 | code, 0, 1, 0, records.length, 0, 0, 0, 0]);
    return Buffer.concat([header, question.subarray(12, end), ...records]);
  }
}

function questionIn(message: Buffer): { name: string; type: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1) };
}

const encoded = (name: string): Buffer =>
  Buffer.concat([
    ...name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ]);

const recordOf = (name: Buffer, type: number, data: Buffer): Buffer =>
  Buffer.concat([name, Buffer.from([0, type, 0, 1, 0, 0, 0, 0, 0, data.length]), data]);
