import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type IncomingMessage, get } from 'node:http';
import { join } from 'node:path';
import {
  type ApiProcess,
  type HttpClient,
  Transcript,
  createProject,
  ended,
  eventually,
  expectStatus,
  outputOf,
  runCommand,
  startApi,
  startCommand,
} from '../support/index.js';

/** Characters of two, three and four bytes, a BOM, and bytes that only look like the beginning of one. */
const CHARACTERS = Buffer.concat([
  Buffer.from('\uFEFFaé€😀\r\n'),
  Buffer.from([0xc3]),
  Buffer.from('z'),
  Buffer.from([0xf0, 0x9f, 0x98]),
]);

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('output', () => {
  let api: ApiProcess;
  let client: HttpClient;
  let project: string;

  beforeAll(async () => {
    api = await startApi();
    client = api.client;
    project = await createProject(client);
  });
  afterAll(() => api.stop());

  const put = (name: string, bytes: Buffer) => writeFile(join(api.dataDir, 'projects', project, name), bytes);
  const json = { accept: 'application/json' };

  /** All pages of frames; asserts that they join. */
  async function frames(id: string, limit: number): Promise<Transcript> {
    const transcript = new Transcript();
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: any = expectStatus(
        await client.get(
          `/v1/commands/${id}/output?limit=${limit}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
          json,
        ),
        200,
      ).body;
      expect(page.data.length).toBeLessThanOrEqual(limit);
      for (const { type, ...data } of page.data) transcript.add({ id: 'frame', event: type, data });
      expect(page.complete).toBe(page.nextCursor === null);
      cursor = page.nextCursor;
    }
    return transcript;
  }

  async function follow(id: string): Promise<Transcript> {
    return new Transcript().read(await client.sse(`/v1/commands/${id}/events`));
  }

  const CASES: [string, Buffer, Buffer][] = [
    ['nothing', Buffer.alloc(0), Buffer.alloc(0)],
    ['one byte', Buffer.from('x'), Buffer.alloc(0)],
    ['a line on stderr alone', Buffer.alloc(0), Buffer.from('error\n')],
    ['no final newline', Buffer.from('one\ntwo'), Buffer.from('three')],
    ['a BOM, CR, NUL and other controls', Buffer.from('\uFEFF\r\n\0\x01\x1b[31m\r\n\n\n'), Buffer.from('\uFEFF')],
    ['text of multi-byte characters', Buffer.from('é€😀'.repeat(40_000)), Buffer.from('😀'.repeat(1_000))],
    ['every byte', Buffer.from(Array.from({ length: 256 }, (_, i) => i)), Buffer.from([0xff, 0xfe])],
    ['random bytes', randomBytes(300_001), randomBytes(70_003)],
    ['a partial character at the end', Buffer.from([0x61, 0xe2, 0x82]), Buffer.from([0xf0])],
    [
      'lines of 1 MiB',
      Buffer.from(`${'x'.repeat(1024 * 1024 - 1)}\n`.repeat(2)),
      Buffer.from('y'.repeat(1024 * 1024 + 1)),
    ],
  ];

  it.each(CASES)('is exact, however it is read: %s', async (_name, stdout, stderr) => {
    await Promise.all([put('stdout', stdout), put('stderr', stderr)]);
    const { id } = await startCommand(client, project, 'cat stdout & cat stderr >&2; wait');
    const live = await follow(id);
    const command = await ended(client, id);
    expect(command).toMatchObject({
      status: 'succeeded',
      stdoutBytes: stdout.length,
      stderrBytes: stderr.length,
      result: { stdoutBytes: stdout.length, stderrBytes: stderr.length, truncated: false },
    });
    const expected = [sha256(stdout), sha256(stderr)];
    const raw = [await outputOf(client, id), await outputOf(client, id, 'stderr')];
    expect(raw.map(sha256)).toEqual(expected);
    for (const transcript of [live, await follow(id), await frames(id, 200), await frames(id, 3)]) {
      expect([transcript.bytes('stdout'), transcript.bytes('stderr')].map(sha256)).toEqual(expected);
      expect(transcript.gaps).toEqual([]);
    }
  });

  it('returns text as text, and only what is not UTF-8 as base64', async () => {
    const { id } = await runCommand(client, project, 'printf "a\\303\\251"; sleep 0.2; printf "\\377\\376"');
    const outputs = (await follow(id)).events.filter(({ event }) => event === 'output').map(({ data }) => data);
    const whole = outputs.length === 1;
    expect(outputs).toEqual(
      whole
        ? [
            {
              stream: 'stdout',
              data: Buffer.from('aé\xff', 'latin1').toString('base64'),
              encoding: 'base64',
              offset: 0,
            },
          ]
        : [
            { stream: 'stdout', data: 'aé', encoding: 'utf-8', offset: 0 },
            { stream: 'stdout', data: '//4=', encoding: 'base64', offset: 3 },
          ],
    );
  });

  it('is exact if it is written byte by byte', async () => {
    await put('bytes', CHARACTERS);
    const script = `i=0; while [ $i -lt ${CHARACTERS.length} ]; do tail -c +$((i + 1)) bytes | head -c 1; sleep 0.03; i=$((i + 1)); done`;
    const { id } = await startCommand(client, project, script);
    const live = await follow(id);
    expect(live.bytes('stdout').toString('hex')).toBe(CHARACTERS.toString('hex'));
    const outputs = live.events.filter(({ event }) => event === 'output').map(({ data }) => data);
    expect(outputs.length).toBeGreaterThan(3);
    // Read again, when nothing is waited for, it is text wherever possible.
    const texts = (await follow(id)).events
      .filter(({ data }) => data.encoding === 'utf-8')
      .map(({ data }) => data.data);
    expect(texts.join('')).toContain('\uFEFFaé€😀\r\n');
  });

  it('never splits a character that is written in pieces', async () => {
    const script = `i=0; while [ $i -lt 300 ]; do i=$((i+1)); printf '\\303'; printf '\\251\\360'; printf '\\237\\230'; printf '\\200'; done`;
    const { id } = await startCommand(client, project, script);
    const live = await follow(id);
    expect(live.text()).toBe('é😀'.repeat(300));
    const encodings = live.events.filter(({ event }) => event === 'output').map(({ data }) => data.encoding);
    expect(new Set(encodings)).toEqual(new Set(['utf-8']));
  });

  it('returns a partial character after at most 250 ms', async () => {
    const { id } = await startCommand(
      client,
      project,
      'printf "\\342\\202"; until [ -e seen ]; do sleep 0.02; done; printf "\\254"',
    );
    const transcript = new Transcript();
    await transcript.read(await client.sse(`/v1/commands/${id}/events`), ({ event }) => event === 'output');
    expect(transcript.bytes('stdout')).toEqual(Buffer.from([0xe2, 0x82]));
    await put('seen', Buffer.alloc(0));
    await transcript.read(await client.sse(`/v1/commands/${id}/events`, { lastEventId: transcript.lastEventId! }));
    expect(transcript.text()).toBe('€');
  });

  describe('raw', () => {
    let id: string;
    const bytes = randomBytes(200_000);
    const range = (query: string) => client.bytes(`/v1/commands/${id}/output?${query}`);

    beforeAll(async () => {
      await put('range', bytes);
      ({ id } = await runCommand(client, project, 'cat range; echo error >&2'));
    });

    it.each([
      ['', 0, 200_000],
      ['from=0&limit=1', 0, 1],
      ['from=1&limit=65536', 1, 65_537],
      ['from=65535&limit=2', 65_535, 65_537],
      ['from=131072', 131_072, 200_000],
      ['from=199999', 199_999, 200_000],
      ['from=200000', 200_000, 200_000],
      ['from=199990&limit=100', 199_990, 200_000],
    ])('returns a range: %s', async (query, from, to) => {
      const { status, headers, bytes: body } = await range(query);
      expect(status).toBe(200);
      expect(body.equals(bytes.subarray(from, to))).toBe(true);
      expect(headers).toMatchObject({
        'content-type': 'application/octet-stream',
        'content-length': String(to - from),
        'rdev-next-offset': String(to),
        'rdev-complete': String(to === bytes.length),
      });
      expect(headers['cache-control']).toMatch(/no-store/);
      expect(headers['accept-ranges']).toBe('none');
    });

    it('returns the other stream', async () => {
      expect((await range('stream=stderr')).bytes.toString()).toBe('error\n');
    });

    it('returns what is stored while the command runs, and says that it is incomplete', async () => {
      const running = await startCommand(
        client,
        project,
        'printf first; until [ -e on ]; do sleep 0.02; done; printf second',
      );
      const path = `/v1/commands/${running.id}/output`;
      await eventually(async () => (await client.bytes(path)).bytes.length === 5);
      const first = await client.bytes(path);
      expect(first.headers).toMatchObject({ 'rdev-next-offset': '5', 'rdev-complete': 'false', 'content-length': '5' });
      await put('on', Buffer.alloc(0));
      await ended(client, running.id);
      const second = await client.bytes(`${path}?from=${String(first.headers['rdev-next-offset'])}`);
      expect(second.bytes.toString()).toBe('second');
      expect(second.headers).toMatchObject({ 'rdev-next-offset': '11', 'rdev-complete': 'true' });
    });

    it('follows to the end', async () => {
      const running = await startCommand(
        client,
        project,
        'for i in 1 2 3 4 5; do echo $i; echo e$i >&2; sleep 0.1; done; printf end',
      );
      const both = await Promise.all(
        ['stdout', 'stderr'].map((stream) =>
          client.bytes(`/v1/commands/${running.id}/output?stream=${stream}&follow=true`),
        ),
      );
      expect(both.map(({ bytes: body }) => body.toString())).toEqual(['1\n2\n3\n4\n5\nend', 'e1\ne2\ne3\ne4\ne5\n']);
      expect((await client.get(`/v1/commands/${running.id}`)).body.status).toBe('succeeded');
    });

    it('never appears complete after the output limit; trailers report what is missing', async () => {
      const { id: cut, result } = await runCommand(client, project, { script: 'seq 1 100000', maxOutputBytes: 1000 });
      const path = `/v1/commands/${cut}/output?follow=true`;
      const missing = `1000-${String(result.stdoutBytes)}`;
      const broken = await client.bytes(path);
      expect([broken.bytes.length, broken.isWhole, broken.headers['rdev-missing']]).toEqual([1000, false, missing]);
      const response = await fetch(api.baseUrl + path, { headers: { authorization: `Bearer ${api.adminKey}` } });
      await expect(response.arrayBuffer()).rejects.toThrow();
      expect(await trailersOf(path)).toEqual({ 'rdev-complete': 'false', 'rdev-missing': missing });
      // After the gap there is nothing, and of that nothing is missing.
      expect((await client.bytes(`${path}&from=${String(result.stdoutBytes)}`)).isWhole).toBe(true);
      expect(await trailersOf(`${path}&stream=stderr`)).toEqual({ 'rdev-complete': 'true' });
    });

    /** The trailers of a request that says it reads them. */
    async function trailersOf(path: string): Promise<IncomingMessage['trailers']> {
      const headers = { authorization: `Bearer ${api.adminKey}`, te: 'trailers' };
      const [response] = (await once(get(api.baseUrl + path, { headers, agent: false }), 'response')) as [
        IncomingMessage,
      ];
      await once(response.resume(), 'end');
      return { ...response.trailers };
    }

    it('follows an ended command from an offset', async () => {
      expect((await range('follow=true&from=100000')).bytes.equals(bytes.subarray(100_000))).toBe(true);
    });
  });

  describe('frames', () => {
    it('are returned by cursor while the command runs and afterwards', async () => {
      const { id } = await startCommand(
        client,
        project,
        'for i in 1 2 3 4 5 6; do echo $i; echo e$i >&2; sleep 0.15; done',
      );
      const transcript = new Transcript();
      let cursor = '';
      let isComplete = false;
      let unfinished = 0;
      await eventually(async () => {
        const page = expectStatus(
          await client.get(
            `/v1/commands/${id}/output?cursor=${encodeURIComponent(cursor)}`.replace(/\?cursor=$/, ''),
            json,
          ),
          200,
        ).body;
        for (const { type, ...data } of page.data) transcript.add({ id: 'frame', event: type, data });
        cursor = page.nextCursor ?? '';
        isComplete = page.complete;
        unfinished += isComplete ? 0 : 1;
        return isComplete;
      }, 20_000);
      expect(transcript.text()).toBe('1\n2\n3\n4\n5\n6\n');
      expect(transcript.text('stderr')).toBe('e1\ne2\ne3\ne4\ne5\ne6\n');
      expect(unfinished).toBeGreaterThan(1);
    });

    it('are paged by at most 1 MiB, in the order of the stream', async () => {
      await put('large', randomBytes(64 * 1024 * 60));
      const { id } = await runCommand(client, project, 'cat large');
      const page = await client.get(`/v1/commands/${id}/output?limit=200`, json);
      expect(page.text.length).toBeLessThan(1024 * 1024 + 1_000);
      expect(page.body.data.length).toBeGreaterThan(5);
      expect((await frames(id, 7)).bytes('stdout')).toHaveLength(64 * 1024 * 60);
    });
  });

  describe('head and tail', () => {
    const view = (id: string, query = '') => client.get(`/v1/commands/${id}/output?view=head-tail${query}`);

    it('is the whole output if it fits', async () => {
      const { id } = await runCommand(client, project, 'printf "hé\\nllo"');
      const { text, headers } = await view(id);
      expect(text).toBe('hé\nllo');
      expect(headers['rdev-missing']).toBeUndefined();
    });

    it('reports which bytes are missing, and splits no character', async () => {
      await put('euros', Buffer.from('€'.repeat(10_000)));
      const { id } = await runCommand(client, project, 'cat euros');
      const { text, headers } = await view(id, '&maxBytes=1000');
      const [, from, to] = /^(\d+)-(\d+)$/.exec(String(headers['rdev-missing']))!.map(Number) as [
        number,
        number,
        number,
      ];
      const [head = '', tail = ''] = text.split(/\n\[.*\]\n/);
      expect(text).toContain(`${String(from)} to ${String(to)}`);
      expect(head).toBe('€'.repeat(from / 3));
      expect(tail).toBe('€'.repeat((30_000 - to) / 3));
      expect(head.length + tail.length).toBeGreaterThan(320);
      expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    });

    it('reports what the output limit cut', async () => {
      const { id } = await runCommand(client, project, {
        script: 'head -c 9000 /dev/zero | tr "\\0" x',
        maxOutputBytes: 5000,
      });
      const { text, headers } = await view(id, '&maxBytes=1000');
      expect(headers['rdev-missing']).toBe('500-4500, 5000-9000');
      expect(text.replaceAll(/\n\[.*\]\n/g, '|')).toBe(`${'x'.repeat(500)}|${'x'.repeat(500)}|`);
    });
  });
});
