import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { LOCKS } from '@app/database';
import { canonicalJson } from '@app/kernel';
import pg from 'pg';
import {
  type ApiProcess,
  type HttpClient,
  createProject,
  eventually,
  expectProblem,
  expectStatus,
  rowsOf,
  startApi,
} from '../support/index.js';

const MEGABYTE = 1024 * 1024;
const FORMULA = `=HYPERLINK("http://evil.example","x"),@y`;
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACE_CONTEXT = { traceId: TRACE_ID, spanId: 'b7ad6b7169203331', traceFlags: '01' };
const STREAMS_MAX = 4;

/** Parses CSV by RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  const row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    if (end === '') break;
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end === '\r\n') rows.push(row.splice(0));
  }
  return rows;
}

const linesOf = (text: string): any[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

describe('the audit', () => {
  let api: ApiProcess;
  let client: HttpClient;
  let project: string;
  let command: string;
  let keyId: string;

  beforeAll(async () => {
    api = await startApi({ env: { RDEV_MAX_STREAMS: String(STREAMS_MAX) } });
    client = api.client;
    project = await createProject(client);
    const own = {
      'user-agent': FORMULA,
      'x-request-id': 'req-of-the-test',
      traceparent: `00-${TRACE_ID}-${TRACE_CONTEXT.spanId}-01`,
    };
    const body = { type: 'shell', script: 'exit 3' };
    command = expectStatus(await client.post(`/v1/projects/${project}/commands`, body, own), 202).body.id;
    keyId = (await client.get('/v1/keys/self')).body.id;
    await client.get(`/v1/commands/${command}/wait`);
    await sealed();
  });
  afterAll(() => api.stop());

  /** Waits until every event is in the log, with its seal. */
  const sealed = (): Promise<unknown> =>
    eventually(async () => {
      const [row] = await rowsOf(
        api.databaseUrl,
        'SELECT last_seq = sealed_seq AND NOT EXISTS (SELECT FROM pending_events) AS done FROM event_log_head',
      );
      return row.done;
    });
  const search = async (query: string, by = client): Promise<any[]> =>
    expectStatus(await by.get(`/v1/audit?${query}`), 200).body.data;
  const exported = async (query = '', by = client): Promise<string> => {
    const { status, bytes, isWhole } = await by.bytes(`/v1/audit/export?${query}`);
    expect([status, isWhole]).toEqual([200, true]);
    return bytes.toString();
  };
  const all = async (query = '', by = client): Promise<any[]> => linesOf(await exported(query, by));
  const newKey = async (grant: object): Promise<HttpClient> => {
    const { body } = expectStatus(
      await client.post('/v1/keys', { name: 'auditor', scopes: ['audit:read'], ...grant }),
      201,
    );
    return client.as(body.secret);
  };

  describe('search', () => {
    it('returns who did what, on what, when, from where, and how it ended', async () => {
      const [ended, ...earlier] = await search(`target=${command}`);
      expect(earlier.at(-1)).toEqual({
        seq: expect.any(Number),
        id: expect.stringMatching(/^evt_/),
        type: 'command.created',
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        projectId: project,
        target: command,
        outcome: 'allowed',
        actor: { keyId, ip: '127.0.0.1', userAgent: FORMULA, requestId: 'req-of-the-test', ...TRACE_CONTEXT },
        data: expect.any(Object),
        details: earlier.at(-1).details,
        previousHash: expect.stringMatching(/^[0-9a-f]{64}$/),
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      expect(ended).toMatchObject({ type: 'command.ended', outcome: 'failed', target: command });
    });

    it.each([
      ['keyId', () => keyId, (found: any) => found.actor.keyId === keyId],
      ['type', () => 'command.created', (found: any) => found.type === 'command.created'],
      ['type', () => 'command.*', (found: any) => found.type.startsWith('command.')],
      ['projectId', () => project, (found: any) => found.projectId === project],
      ['target', () => command, (found: any) => found.target === command],
      ['outcome', () => 'failed', (found: any) => found.outcome === 'failed'],
      ['ip', () => '127.0.0.1', (found: any) => found.actor.ip === '127.0.0.1'],
      ['ip', () => '::ffff:127.0.0.1', (found: any) => found.actor.ip === '127.0.0.1'],
      ['requestId', () => 'req-of-the-test', (found: any) => found.actor.requestId === 'req-of-the-test'],
      ['traceId', () => TRACE_ID, (found: any) => found.actor.traceId === TRACE_ID],
    ])('filters by %s, like an export', async (name, value, isFound) => {
      const records = await all();
      const wanted = records.filter(isFound);
      expect(wanted.length).toBeGreaterThan(0);
      expect(wanted.length).toBeLessThan(name === 'ip' || name === 'keyId' ? Infinity : records.length);
      const query = `${name}=${encodeURIComponent(value())}`;
      expect(await search(`limit=200&${query}`)).toEqual(byTime(wanted));
      expect(await all(query)).toEqual(wanted);
      expect(
        await search(`${name}=${name === 'outcome' ? 'denied' : name === 'ip' ? '203.0.113.9' : '0'.repeat(32)}`),
      ).toEqual([]);
    });

    it('filters by time: since a moment, and before one', async () => {
      const records = await all();
      const moment = records[Math.floor(records.length / 2)].at;
      const query = (name: string): string => `${name}=${encodeURIComponent(moment)}`;
      expect(await all(query('since'))).toEqual(records.filter(({ at }) => at >= moment));
      expect(await all(query('until'))).toEqual(records.filter(({ at }) => at < moment));
      expect(await search(`limit=200&${query('until')}`)).toEqual(byTime(records.filter(({ at }) => at < moment)));
      expect(await search(`${query('since')}&${query('until')}`)).toEqual([]);
    });

    /** The newest first. */
    const byTime = (records: readonly any[]): any[] =>
      [...records].sort((a, b) => (a.at === b.at ? b.seq - a.seq : a.at < b.at ? 1 : -1));

    it('pages through everything once, also while more is recorded', async () => {
      const before = byTime(await all());
      const found: any[] = [];
      for (let cursor = '', page = 0; page === 0 || cursor !== ''; page++) {
        const { body } = await client.get(`/v1/audit?limit=3${cursor && `&cursor=${cursor}`}`);
        expect(body.data.length).toBeLessThanOrEqual(3);
        found.push(...body.data);
        cursor = body.nextCursor ?? '';
        await createProject(client);
      }
      expect(found.filter(({ seq }) => seq <= before.length)).toEqual(before);
      await sealed();
    });

    it.each([
      ['unknown=1', 'unknown'],
      ['type=Command', 'type'],
      ['type=a&type=b', 'type'],
      ['outcome=maybe', 'outcome'],
      ['ip=10.0.0.0/8', 'ip'],
      ['ip=localhost', 'ip'],
      ['traceId=xyz', 'traceId'],
      ['since=yesterday', 'since'],
      ['until=2026-02-30T00:00:00Z', 'until'],
      ['keyId=%00', 'keyId'],
      [`target=${'x'.repeat(3_000)}`, 'target'],
    ])('refuses %s with the name of the parameter, like an export', async (query, pointer) => {
      for (const path of ['/v1/audit', '/v1/audit/export']) {
        const problem = expectProblem(await client.get(`${path}?${query}`), 400, 'INVALID_REQUEST');
        expect(problem.errors).toMatchObject([{ pointer }]);
      }
    });

    it.each([
      ['/v1/audit?limit=0', 'limit'],
      ['/v1/audit?format=csv', 'format'],
      ['/v1/audit/export?format=xml', 'format'],
      ['/v1/audit/export?after=-1', 'after'],
      ['/v1/audit/export?limit=1', 'limit'],
    ])('refuses %s', async (path, pointer) => {
      expect(expectProblem(await client.get(path), 400, 'INVALID_REQUEST').errors).toMatchObject([{ pointer }]);
    });

    it.each(['x', '[]', '["a","b"]', '[1e400,1]', '[-1,1]', '[1,1.5]', '[1e15,1]'])(
      'refuses the cursor %s',
      async (cursor) => {
        const encoded = Buffer.from(cursor).toString('base64url');
        expectProblem(await client.get(`/v1/audit?cursor=${encoded}`), 400, 'INVALID_CURSOR');
      },
    );
  });

  it('shows a key that is limited to projects the records of these only', async () => {
    const other = await createProject(client);
    await sealed();
    const limited = await newKey({ projects: [other] });
    for (const records of [await search('', limited), await all('', limited)]) {
      expect(records.length).toBeGreaterThan(0);
      expect(new Set(records.map(({ projectId }) => projectId))).toEqual(new Set([other]));
    }
    for (const query of [`projectId=${project}`, `target=${command}`, 'type=key.*'])
      expect([await search(query, limited), await all(query, limited)]).toEqual([[], []]);
    const none = await newKey({ projects: ['none-*'] });
    expect([await search('', none), await all('', none)]).toEqual([[], []]);
  });

  describe('export', () => {
    it('has every record in the order of the log, with seals that can be checked', async () => {
      const records = await all();
      let hash = '0'.repeat(64);
      for (const [i, { previousHash, hash: seal, ...sealedPart }] of records.entries()) {
        expect([sealedPart.seq, previousHash]).toEqual([i + 1, hash]);
        hash = createHash('sha256').update(Buffer.from(hash, 'hex')).update(canonicalJson(sealedPart)).digest('hex');
        expect(seal).toBe(hash);
      }
    });

    it('is a file', async () => {
      for (const [format, type] of [
        ['ndjson', 'application/x-ndjson; charset=utf-8'],
        ['csv', 'text/csv; charset=utf-8; header=present'],
      ] as const) {
        const { headers } = await client.bytes(`/v1/audit/export?format=${format}`);
        expect(headers).toMatchObject({
          'content-type': type,
          'content-disposition': `attachment; filename="rdev-audit.${format}"`,
          'cache-control': 'no-store, no-transform',
          'x-accel-buffering': 'no',
        });
      }
    });

    it('has only its headers for HEAD', async () => {
      const { status, headers, text } = await client.request('HEAD', '/v1/audit/export?format=csv');
      expect([status, headers['content-disposition'], text]).toEqual([
        200,
        'attachment; filename="rdev-audit.csv"',
        '',
      ]);
    });

    it('resumes after any record of one that was cut, and gives the same', async () => {
      const whole = await exported();
      const { bytes, isWhole } = await client.bytes('/v1/audit/export', {}, 1_000);
      expect(isWhole).toBe(false);
      // Whatever the kernel has already passed on: a cut is in the middle of a line at worst.
      const cut = bytes.subarray(0, 1_500).toString();
      const kept = cut.slice(0, cut.lastIndexOf('\n') + 1);
      const { seq } = linesOf(kept).at(-1);
      expect(kept + (await exported(`after=${seq}`))).toBe(whole);
      expect(await exported(`after=${linesOf(whole).at(-1).seq}`)).toBe('');
      expect(await exported('after=9007199254740991')).toBe('');
    });

    it('continues later with what was recorded since', async () => {
      const before = await exported();
      await createProject(client);
      await sealed();
      const after = await exported();
      expect(after.length).toBeGreaterThan(before.length);
      expect(before + (await exported(`after=${linesOf(before).at(-1).seq}`))).toBe(after);
    });

    it('has no gap and no repetition while events are written', async () => {
      const written = new AbortController();
      const writing = Promise.all(
        Array.from({ length: 4 }, async () => {
          for (let i = 0; i < 25; i++) await createProject(client);
        }),
      ).finally(() => written.abort());
      let text = await exported();
      for (let isLast = false; !isLast;) {
        isLast = written.signal.aborted;
        if (isLast) await sealed();
        text += await exported(`after=${linesOf(text).at(-1).seq}`);
      }
      await writing;
      const records = linesOf(text);
      expect(records.map(({ seq }) => seq)).toEqual(records.map((_record, i) => i + 1));
      expect(await exported()).toBe(text);
    });

    describe('as CSV', () => {
      it('has the fields of the records in columns', async () => {
        const records = await all();
        const text = await exported('format=csv');
        const [header, ...rows] = parseCsv(text);
        expect(text.startsWith('seq,id,type,at,projectId,target,outcome,keyId,ip,userAgent,')).toBe(true);
        expect(rows).toHaveLength(records.length);
        const column = (row: string[], name: string): string => row[header!.indexOf(name)]!;
        for (const [i, row] of rows.entries()) {
          const { seq, id, at, actor, data, details, hash } = records[i];
          expect(row).toHaveLength(header!.length);
          expect([Number(row[0]), column(row, 'id'), column(row, 'at')]).toEqual([seq, id, at]);
          expect([column(row, 'keyId'), column(row, 'hash')]).toEqual([actor.keyId ?? '', hash]);
          expect(JSON.parse(column(row, 'data'))).toEqual(data);
          expect(column(row, 'details') === '' ? null : JSON.parse(column(row, 'details'))).toEqual(details);
        }
      });

      it('has only the header if nothing is found', async () => {
        expect(await exported('format=csv&keyId=none')).toMatch(/^seq,.*,hash\r\n$/);
      });

      it('has no cell that a spreadsheet would run', async () => {
        const [header, row] = parseCsv(await exported(`format=csv&target=${command}&type=command.created`));
        expect(row![header!.indexOf('userAgent')]).toBe(`'${FORMULA}`);
        const cells = parseCsv(await exported('format=csv')).flat();
        expect(cells.filter((cell) => /^[=+\-@\t\r\n]/.test(cell))).toEqual([]);
      });
    });
  });

  describe('a large export', () => {
    const COUNT = 1_200;
    const DETAILS_BYTES = 50_000;
    const unsent: IncomingMessage[] = [];

    beforeAll(async () => {
      // Written past the relay, which would need memory, too.
      const db = new pg.Client({ connectionString: api.databaseUrl });
      await db.connect();
      await db.query('BEGIN');
      await db.query('SELECT pg_advisory_xact_lock($1)', [LOCKS.eventRelay]);
      await db.query(
        `INSERT INTO events (seq, id, type, at, target, outcome, actor, data, details, hash)
         SELECT last_seq + i, 'evt_' || i, 'large', now(), 'x', 'allowed', '{}', '{}',
           json_build_object('text', repeat('x', $2)), sha256(i::text::bytea)
         FROM event_log_head, generate_series(1, $1) AS i`,
        [COUNT, DETAILS_BYTES],
      );
      await db.query('UPDATE event_log_head SET last_seq = last_seq + $1, sealed_seq = sealed_seq + $1', [COUNT]);
      await db.query('COMMIT');
      await db.end();
    });
    afterEach(() => {
      for (const response of unsent.splice(0)) response.destroy();
    });

    /** Opens an export, and does not read it. */
    const open = (query: string): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        const headers = { authorization: `Bearer ${api.adminKey}` };
        const sent = httpRequest(`${api.baseUrl}/v1/audit/export?${query}`, { headers, agent: false }, (response) => {
          unsent.push(response);
          resolve(response);
        });
        sent.once('error', reject).end();
      });

    /** The peak of resident memory since the previous call. */
    async function peakBytes(): Promise<number> {
      const status = await readFile(`/proc/${api.pid}/status`, 'utf8');
      await writeFile(`/proc/${api.pid}/clear_refs`, '5');
      return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024;
    }

    /** Until nothing more arrives. */
    async function stalled(response: IncomingMessage): Promise<number> {
      let bytes = -1;
      await eventually(
        () => {
          const before = bytes;
          bytes = response.socket.bytesRead;
          return bytes > 0 && bytes === before;
        },
        20_000,
        500,
      );
      return bytes;
    }

    it('takes little memory, however slow its readers are', async () => {
      for (const query of ['after=0', 'after=0&format=csv']) await textOf(await open(query)); // Warms up.
      await peakBytes();
      const before = await peakBytes();
      const readers = await Promise.all(['after=0', 'after=0&format=csv', 'type=large'].map(open));
      for (const reader of readers) expect(await stalled(reader)).toBeLessThan((COUNT * DETAILS_BYTES) / 4);
      const texts = await Promise.all(readers.map(async (reader) => (await textOf(reader)).length));
      for (const length of texts) expect(length).toBeGreaterThan(COUNT * DETAILS_BYTES);
      const growth = (await peakBytes()) - before;
      process.stderr.write(
        `3 exports of ${Math.round(texts[0]! / MEGABYTE)} MiB: memory +${Math.round(growth / MEGABYTE)} MiB\n`,
      );
      expect(growth).toBeLessThan(96 * MEGABYTE);
    });

    it('counts as an open stream until its client disconnects, and then reads no more', async () => {
      const readers = await Promise.all(Array.from({ length: STREAMS_MAX }, () => open('')));
      expectProblem(await client.get('/v1/audit/export?keyId=none'), 429, 'TOO_MANY_STREAMS');
      readers[0]!.destroy();
      await eventually(async () => (await client.get('/v1/audit/export?keyId=none')).status === 200);
      for (const reader of readers) reader.destroy();
      const reads = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%FROM events AS e%' AND pid <> pg_backend_pid()`;
      await eventually(async () => (await rowsOf(api.databaseUrl, reads)).length === 0);
    });

    it('is broken off when its key is revoked', async () => {
      const { body } = await client.post('/v1/keys', { name: 'auditor', scopes: ['audit:read'] });
      const reader = await new Promise<IncomingMessage>((resolve) => {
        const headers = { authorization: `Bearer ${body.secret}` };
        httpRequest(`${api.baseUrl}/v1/audit/export`, { headers, agent: false }, resolve).end();
      });
      await stalled(reader);
      await client.request('DELETE', `/v1/keys/${body.id}`);
      await expect(textOf(reader)).rejects.toThrow('aborted');
    });

    it('is broken off when the process stops, and resumes at the next one', async () => {
      const reader = await open('');
      let text = '';
      reader.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (text.length > 5_000_000 && reader.listenerCount('stop') > 0) reader.emit('stop');
      });
      reader.once('stop', () => reader.pause());
      const broken = new Promise((resolve) => reader.once('error', resolve));
      await eventually(() => reader.isPaused());
      await api.restart('SIGTERM');
      reader.resume();
      await broken;
      const kept = text.slice(0, text.lastIndexOf('\n') + 1);
      const { seq } = linesOf(kept).at(-1);
      const rest = await exported(`after=${seq}`);
      expect(linesOf(rest)[0].seq).toBe(Number(seq) + 1);
      const records = [...linesOf(kept), ...linesOf(rest)].map((record): number => record.seq);
      expect(records).toEqual(records.map((_seq, i) => i + 1));
    });
  });
});
