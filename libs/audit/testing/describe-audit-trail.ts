import { InvalidCursor, encodeCursor } from '@app/kernel';
import type { AuditFilter, AuditTrail } from '../src/application/audit-trail.js';
import type { AuditRecord } from '../src/domain/audit-record.js';
import { aRecord } from './a-record.js';

export interface AuditTrailHarness {
  readonly trail: AuditTrail;
  /** Adds records in the order of the log. */
  append(...records: readonly AuditRecord[]): Promise<void>;
  close(): Promise<void>;
}

const ALL: AuditFilter = { visibleProjects: null };
const TRACE = 'f'.repeat(32);
const T0 = Date.now() - 3_600_000;
const at = (ms: number): Date => new Date(T0 + ms);

/** The behaviour of every audit trail. */
export function describeAuditTrail(name: string, open: () => Promise<AuditTrailHarness>): void {
  describe(`an audit trail: ${name}`, () => {
    let test: AuditTrailHarness;
    beforeEach(async () => {
      test = await open();
    });
    afterEach(() => test.close());

    const found = async (filter: Partial<AuditFilter>): Promise<number[]> => {
      const { data } = await test.trail.search({ ...ALL, ...filter }, { limit: 200 });
      const read = await test.trail.read({ ...ALL, ...filter }, { after: 0, upTo: 1_000 }, 200);
      // A search and an export find the same.
      const seqs = read.map(({ seq }) => seq);
      expect(data.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(seqs);
      return seqs;
    };

    it('is empty at first', async () => {
      expect(await test.trail.search(ALL, { limit: 50 })).toEqual({ data: [], nextCursor: null });
      expect(await test.trail.read(ALL, { after: 0, upTo: 10 }, 50)).toEqual([]);
      expect([await test.trail.sealedSeq(), await test.trail.types()]).toEqual([0, []]);
    });

    it('returns whole records, each with the seal before it', async () => {
      const actor = { keyId: 'key_a', ip: '::1', userAgent: 'x "y"\\', requestId: 'r', traceId: TRACE };
      const records = [
        aRecord(1, { projectId: 'web', actor, data: { z: [1, { a: null }] }, details: { command: 'ls' } }),
        aRecord(2),
        aRecord(3, { hash: null }),
        aRecord(4, { hash: null, previousHash: null }),
      ];
      await test.append(...records);
      expect((await test.trail.search(ALL, { limit: 50 })).data).toEqual(records.toReversed());
      expect(await test.trail.read(ALL, { after: 1, upTo: 3 }, 50)).toEqual(records.slice(1, 3));
      expect(await test.trail.sealedSeq()).toBe(2);
    });

    it('finds records by each filter', async () => {
      const nobody = { keyId: null, ip: null, userAgent: null, requestId: null, traceId: null };
      const web = { type: 'command.created', projectId: 'web', at: at(1) } as const;
      await test.append(
        aRecord(1, { ...web, actor: { ...nobody, keyId: 'key_a', requestId: 'r1' } }),
        aRecord(2, { at: at(2), type: 'command.ended', outcome: 'failed', target: 'x'.repeat(5_000) }),
        aRecord(3, { at: at(3), type: 'key.created', outcome: 'succeeded', actor: { ...nobody, ip: '10.0.0.1' } }),
        aRecord(4, { at: at(4), type: 'auth.denied', outcome: 'denied', actor: { ...nobody, traceId: TRACE } }),
        aRecord(5, { at: at(5), projectId: 'web-2', actor: { ...nobody, keyId: 'key_a' } }),
        aRecord(6, { at: at(6), target: `${'x'.repeat(4_999)}y` }),
      );
      expect(await found({})).toEqual([1, 2, 3, 4, 5, 6]);
      expect(await found({ keyId: 'key_a' })).toEqual([1, 5]);
      expect(await found({ types: ['command.ended', 'key.created'] })).toEqual([2, 3]);
      expect(await found({ types: [] })).toEqual([]);
      expect(await found({ projectId: 'web' })).toEqual([1]);
      expect(await found({ target: 'x'.repeat(5_000) })).toEqual([2]);
      expect(await found({ target: 'cmd_1' })).toEqual([1]);
      expect(await found({ outcome: 'denied' })).toEqual([4]);
      expect(await found({ ip: '10.0.0.1' })).toEqual([3]);
      expect(await found({ requestId: 'r1' })).toEqual([1]);
      expect(await found({ traceId: TRACE })).toEqual([4]);
      expect(await found({ since: at(3) })).toEqual([3, 4, 5, 6]);
      expect(await found({ until: at(3) })).toEqual([1, 2]);
      expect(await found({ keyId: 'key_a', since: at(2), until: at(6), projectId: 'web-2' })).toEqual([5]);
      expect(await found({ keyId: 'key_a', types: ['key.created'] })).toEqual([]);
    });

    it.each([
      [['web'], [2]],
      [['web*'], [2, 3]],
      [
        ['web', 'a_*'],
        [2, 4],
      ],
      [['*'], [2, 3, 4, 5]],
      [[], []],
      [
        ['w*b*', 'none'],
        [2, 3],
      ],
    ])('shows those who see the projects %j no others, and nothing without a project', async (globs, seqs) => {
      const projects = [null, 'web', 'web-2', 'a_b', 'axb'];
      await test.append(...projects.map((projectId, i) => aRecord(i + 1, { projectId })));
      expect(await found({ visibleProjects: globs })).toEqual(seqs);
    });

    it('knows every type', async () => {
      const types = ['key.created', 'command.ended', 'key.created', 'command.created'];
      await test.append(...types.map((type, i) => aRecord(i + 1, { type })));
      expect(await test.trail.types()).toEqual(['command.created', 'command.ended', 'key.created']);
    });

    it('pages from the newest time to the oldest, and through one moment by position', async () => {
      // Positions follow the commits, so times may go back a little.
      const times = [5, 5, 5, 4, 6, 6, 2];
      await test.append(...times.map((ms, i) => aRecord(i + 1, { at: at(ms) })));
      const seqs: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await test.trail.search(ALL, { limit: 2, ...(cursor !== undefined && { cursor }) });
        seqs.push(...page.data.map(({ seq }) => seq));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      expect(seqs).toEqual([6, 5, 3, 2, 1, 4, 7]);
    });

    it('refuses a cursor of another list', async () => {
      for (const key of [['evt_1'], ['a', 'b']])
        await expect(async () => test.trail.search(ALL, { limit: 2, cursor: encodeCursor(key) })).rejects.toThrow(
          InvalidCursor,
        );
    });

    it('reads from after one position up to another, in their order, at most a number', async () => {
      await test.append(...[9, 8, 7, 6, 5].map((ms, i) => aRecord(i + 1, { at: at(ms) })));
      expect((await test.trail.read(ALL, { after: 1, upTo: 4 }, 50)).map(({ seq }) => seq)).toEqual([2, 3, 4]);
      expect((await test.trail.read(ALL, { after: 1, upTo: 4 }, 2)).map(({ seq }) => seq)).toEqual([2, 3]);
      expect(await test.trail.read(ALL, { after: 4, upTo: 4 }, 50)).toEqual([]);
    });
  });
}
