import { createHash, randomInt } from 'node:crypto';
import {
  type ApiProcess,
  type HttpClient,
  Transcript,
  createProject,
  ended,
  expectStatus,
  outputOf,
  seededRandom,
  startApi,
  startCommand,
} from '../support/index.js';

const DROPS = 200;

/**
 * Writes all kinds of bytes to both streams for some seconds: numbered lines, split characters, binary, and sometimes
 * more than one event contains. Also writes them to files, to compare with.
 */
const WRITER = `
out() { printf "$@"; printf "$@" >> stdout.truth; }
err() { printf "$@" >&2; printf "$@" >> stderr.truth; }
i=0
while [ $i -lt 120 ]; do
  i=$((i + 1))
  out 'line %s é€😀\\n\\342\\202' $i
  out '\\254\\377\\000%s' $i
  err 'error %s\\n' $i
  [ $((i % 30)) = 0 ] && head -c 150000 /dev/urandom | tee -a stdout.truth
  [ $((i % 40)) = 0 ] && head -c 70000 /dev/urandom | tee -a stderr.truth >&2
  sleep 0.02
done
true
`;

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('a client that loses its connection', () => {
  let api: ApiProcess;
  let client: HttpClient;
  let project: string;

  beforeAll(async () => {
    api = await startApi();
    client = api.client;
  });
  beforeEach(async () => {
    project = await createProject(client);
  });
  afterAll(() => api.stop());

  async function truth(stream: string): Promise<Buffer> {
    const { id } = await startCommand(client, project, `cat ${stream}.truth`);
    await ended(client, id);
    return outputOf(client, id);
  }

  it(`has exactly what the command wrote after ${DROPS} drops, each after a random number of events`, async () => {
    const seed = randomInt(2 ** 32);
    process.stderr.write(`resume: seed ${seed}\n`);
    const random = seededRandom(seed);
    const { id } = await startCommand(client, project, WRITER);
    const transcript = new Transcript();
    let connections = 0;
    while (transcript.end === undefined) {
      const dropAfter = connections++ < DROPS ? 1 + Math.floor(random() * 6) : Infinity;
      const lastEventId = transcript.lastEventId;
      const stream = await client.sse(`/v1/commands/${id}/events`, {
        dropAfter,
        ...(lastEventId !== undefined && { lastEventId }),
      });
      if (lastEventId !== undefined) expect(stream.headers['last-event-id']).toBe(lastEventId);
      await transcript.read(stream);
    }
    // If the command was faster than the drops, the rest of them read it from the beginning.
    while (connections < DROPS) {
      const again = new Transcript();
      while (again.end === undefined) {
        const lastEventId = again.lastEventId;
        const dropAfter = connections++ < DROPS ? 1 + Math.floor(random() * 6) : Infinity;
        await again.read(
          await client.sse(`/v1/commands/${id}/events`, {
            dropAfter,
            ...(lastEventId !== undefined && { lastEventId }),
          }),
        );
      }
      expect(sha256(again.bytes('stdout'))).toBe(sha256(transcript.bytes('stdout')));
      expect(sha256(again.bytes('stderr'))).toBe(sha256(transcript.bytes('stderr')));
    }
    expect(connections).toBeGreaterThanOrEqual(DROPS);
    expect(transcript.end.status).toBe('succeeded');
    for (const stream of ['stdout', 'stderr'] as const) {
      const wrote = await truth(stream);
      expect(wrote.length).toBe(transcript.end.result[`${stream}Bytes`]);
      expect(sha256(transcript.bytes(stream))).toBe(sha256(wrote));
    }
    expect(transcript.events.filter(({ event }) => event === 'connected').length).toBeGreaterThan(50);
  });

  it('continues by offset with raw output', async () => {
    const seed = randomInt(2 ** 32);
    process.stderr.write(`raw resume: seed ${seed}\n`);
    const random = seededRandom(seed);
    const { id } = await startCommand(client, project, WRITER);
    for (const stream of ['stdout', 'stderr'] as const) {
      const parts: Buffer[] = [];
      let from = 0;
      let isWhole = false;
      for (let breaks = 0; !isWhole; breaks++) {
        const breakAfter = breaks < 40 ? Math.floor(random() * 8_000) : Infinity;
        const part = await client.bytes(
          `/v1/commands/${id}/output?stream=${stream}&follow=true&from=${from}`,
          {},
          breakAfter,
        );
        expect(part.status).toBe(200);
        parts.push(part.bytes);
        from += part.bytes.length;
        isWhole = part.isWhole;
      }
      expect(sha256(Buffer.concat(parts))).toBe(sha256(await truth(stream)));
    }
    expect(expectStatus(await client.get(`/v1/commands/${id}`), 200).body.status).toBe('succeeded');
  });
});
