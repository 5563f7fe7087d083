import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import {
  type ApiProcess,
  THOROUGH,
  createProject,
  eventually,
  newKey,
  runCommand,
  seededRandom,
  startApi,
} from '../support/index.js';
import { HostileRequests, type Hostile } from '../support/hostile-requests.js';

const REQUESTS = THOROUGH ? 10_000 : 2_000;
const SOCKETS = 16;
const SLOWEST_MS = 10_000;
/** It takes a few seconds on an idle machine. */
const TIMEOUT_MS = 240_000;
const GROWTH_KIB_MAX = 150 * 1024;
const SEED = Number(process.env.HOSTILE_SEED ?? Math.floor(Math.random() * 2 ** 31));

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly ms: number;
}

/** A response to HEAD has no body. */
function saysStatus(text: string, status: number, method: string): boolean {
  return method === 'HEAD' || (text.endsWith('}') && JSON.parse(text).status === status);
}

describe(`hostile input (HOSTILE_SEED=${SEED})`, () => {
  let api: ApiProcess;
  let agent: Agent;
  let hostile: HostileRequests;
  const secrets = [newKey(), `hunter2-${SEED}`, newKey()];

  beforeAll(async () => {
    api = await startApi({ env: { RDEV_MAX_QUEUED: '5', CONCURRENT_COMMANDS: '1' } });
    agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });
    const project = await createProject(api.client);
    const { id: command } = await runCommand(api.client, project, 'echo hello');
    const { body: key } = await api.client.get('/v1/keys/self');
    const document = (await api.client.get('/openapi.json')).body;
    const ids = { project, command, key: key.id };
    hostile = new HostileRequests(document, ids, [api.adminKey, ...secrets], seededRandom(SEED));
  });
  afterAll(async () => {
    agent.destroy();
    await api.stop();
  });

  /** Ends streams early. A connection that the server cuts counts as a response, with status 0. */
  const send = ({ method, path, headers, body, declared }: Hostile): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const from = performance.now();
      const finish = (status: number, type = '', text = '') =>
        resolve({ status, type, text, ms: performance.now() - from });
      const length = body === undefined ? {} : { 'content-length': String(declared ?? Buffer.byteLength(body)) };
      const sent = httpRequest(
        {
          port: api.port,
          host: '127.0.0.1',
          method,
          path,
          headers: { ...length, ...headers },
          agent,
          timeout: SLOWEST_MS,
        },
        (response) => {
          const chunks: Buffer[] = [];
          const type = response.headers['content-type'] ?? '';
          const end = () => finish(response.statusCode ?? 0, type, Buffer.concat(chunks).toString());
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            if (type.startsWith('text/event-stream')) {
              end();
              response.destroy();
            }
          });
          response.on('end', end).on('error', end);
        },
      );
      sent.on('timeout', () => reject(new Error(`No answer within ${SLOWEST_MS} ms: ${method} ${path}`)));
      sent.on('error', () => finish(0));
      if (declared === undefined) sent.end(body);
      else {
        // Truncated: the declared rest never arrives.
        sent.write(body ?? '');
        setTimeout(() => sent.destroy(), 20);
      }
    });

  const expectNoSecret = () => {
    for (const secret of [api.adminKey, ...secrets]) expect(api.logs.includes(secret)).toBe(false);
  };

  const rssKib = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${api.pid}/status`, 'utf8'))![1]);

  it(
    'is accepted, or refused as a problem, quickly, and never causes an internal error',
    async () => {
      const bad: string[] = [];
      const statuses = new Map<number, number>();
      let slowest = 0;
      let warm = 0;
      let done = 0;
      const check = (request: Hostile, { status, type, text, ms }: Answer) => {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        slowest = Math.max(slowest, ms);
        const isProblem = type.startsWith('application/problem+json') && saysStatus(text, status, request.method);
        // Node responds to a parser error itself, before there is a request; a waiting 503 says when to retry.
        const fits = status === 0 ? request.mayBreak : status < 400 || (isProblem && status < 500);
        if (!fits)
          bad.push(`${request.method} ${request.path} ${request.body?.slice(0, 200) ?? ''}: ${status} ${text}`);
      };
      const worker = async (): Promise<void> => {
        while (done < REQUESTS && bad.length < 10) {
          if (++done === REQUESTS / 4) warm = rssKib();
          const request = hostile.next();
          check(request, await send(request));
          // The logs that the test keeps are bounded.
          if (done % 500 === 0) expectNoSecret();
        }
      };
      const from = performance.now();
      await Promise.all(Array.from({ length: SOCKETS }, worker));
      const grown = rssKib() - warm;
      const seconds = (performance.now() - from) / 1000;
      const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
      process.stdout.write(
        `${done} hostile requests in ${seconds.toFixed(1)} s, slowest ${slowest.toFixed(0)} ms, memory +${(grown / 1024).toFixed(0)} MiB; ${counts.join(', ')}\n`,
      );
      expect(bad).toEqual([]);
      expect(api.logs).not.toContain('A request failed');
      expect(grown).toBeLessThan(GROWTH_KIB_MAX);
      // Some inputs are accepted too, so not all are stopped by the first check.
      expect(statuses.get(200)! + (statuses.get(202) ?? 0)).toBeGreaterThan(REQUESTS / 100);
      expect(statuses.get(400)).toBeGreaterThan(REQUESTS / 10);
      expect(hostile.routesSeen()).toEqual(hostile.routes);
    },
    TIMEOUT_MS,
  );

  it.each([
    ['half a request line', 'GET /v1'],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['a header without a name', 'GET /health HTTP/1.1\r\n: x\r\n\r\n'],
    ['two lengths', 'POST /v1/projects HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}'],
    [
      'a length and chunks',
      'POST /v1/projects HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a bad chunk', 'POST /v1/projects HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
    ['100 KiB of headers', `GET /health HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`],
    ['a NUL in the path', 'GET /v1/\0 HTTP/1.1\r\nhost: x\r\n\r\n'],
  ])('gets a 4xx or is cut if it is %s', async (_name, bytes) => {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(api.port, '127.0.0.1', () => socket.end(bytes, 'latin1'));
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.on('close', () => resolve(text)).on('error', () => resolve(text));
    });
    expect(answer).toMatch(/^$|^HTTP\/1\.1 4\d\d /);
  });

  it(
    'costs little memory if hundreds of clients send bodies that do not end',
    async () => {
      const key = `authorization: bearer ${api.adminKey}\r\n`;
      const gzip = gzipSync(Buffer.alloc(1_000_000, ' '));
      const tiny = Buffer.from('1\r\n \r\n'.repeat(40_000));
      const compressed = [
        `content-encoding: gzip\r\ncontent-length: ${gzip.length}\r\n`,
        gzip.subarray(0, -8),
      ] as const;
      const slow = [`${key}content-length: 1048576\r\n`, Buffer.alloc(1_000_000, ' ')] as const;
      const chunks = ['transfer-encoding: chunked\r\n', tiny] as const;
      const kinds = [compressed, slow, compressed, slow, compressed, chunks];
      const before = rssKib();
      const sent = Array.from({ length: 600 }, (_, i) => {
        const [lines, body] = kinds[i % kinds.length]!;
        const socket = connect(api.port, '127.0.0.1');
        const request = { socket, answer: '', isSlow: body === slow[1] };
        socket.on('error', () => undefined).on('data', (data: Buffer) => (request.answer += data.toString()));
        socket.write(`POST /v1/stream-tickets HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${lines}\r\n`);
        socket.write(body);
        return request;
      });
      await eventually(
        () => sent.every(({ answer, isSlow }) => isSlow || answer.startsWith('HTTP/1.1 401 ')),
        TIMEOUT_MS,
      );
      expect((await api.client.get('/health')).status).toBe(200);
      const grown = rssKib() - before;
      for (const { socket } of sent) socket.destroy();
      expect(grown).toBeLessThan(GROWTH_KIB_MAX);
    },
    TIMEOUT_MS,
  );

  it('leaves the API healthy, and its logs without secrets', async () => {
    expect((await api.client.get('/ready')).status).toBe(200);
    expectNoSecret();
    expect(api.logs.length).toBeGreaterThan(0);
  });
});
