import type { Caller } from '@app/kernel';
import { InMemoryAuditTrail, aRecord } from '@app/audit/testing';
import { AuditService } from './audit.service.js';

const ANYONE: Caller = { keyId: 'key_a', scopes: ['audit:read'], projects: null, rateLimitRps: null };

describe('the audit', () => {
  let trail: InMemoryAuditTrail;
  let audit: AuditService;
  beforeEach(() => {
    trail = new InMemoryAuditTrail();
    audit = new AuditService(trail);
  });

  const found = async (query: object, caller = ANYONE): Promise<number[]> =>
    (await audit.search(query, { limit: 50 }, caller)).data.map(({ seq }) => seq);

  it('finds types by a glob', async () => {
    const types = ['command.created', 'command.ended', 'key.created'];
    trail.append(...types.map((type, i) => aRecord(i + 1, { type })));
    expect(await found({ type: 'command.*' })).toEqual([2, 1]);
    expect(await found({ type: '*.created' })).toEqual([3, 1]);
    expect(await found({ type: 'key.created' })).toEqual([3]);
    expect(await found({ type: 'queue.*' })).toEqual([]);
  });

  it('finds an address in any spelling', async () => {
    const actor = { keyId: null, ip: '10.0.0.1', userAgent: null, requestId: null };
    trail.append(aRecord(1, { actor }), aRecord(2, { actor: { ...actor, ip: '2001:db8::1' } }));
    expect(await found({ ip: '::ffff:10.0.0.1' })).toEqual([1]);
    expect(await found({ ip: '2001:DB8:0:0::1' })).toEqual([2]);
  });

  it('shows a key that is limited to projects their records only', async () => {
    trail.append(aRecord(1), aRecord(2, { projectId: 'web' }), aRecord(3, { projectId: 'other' }));
    expect(await found({}, { ...ANYONE, projects: ['w*'] })).toEqual([2]);
  });

  describe('exports', () => {
    const never = new AbortController().signal;
    const exported = async (query: object, after = 0, signal = never): Promise<number[][]> => {
      const batches: number[][] = [];
      for await (const batch of await audit.export(query, after, ANYONE, signal))
        batches.push(batch.map(({ seq }) => seq));
      return batches;
    };

    it('what is sealed when it begins, in batches', async () => {
      trail.recordsMax = 2;
      trail.append(...[1, 2, 3, 4, 5].map((seq) => aRecord(seq)), aRecord(6, { hash: null }));
      const batches = await audit.export({}, 0, ANYONE, never);
      trail.append(aRecord(7));
      const seqs: number[] = [];
      for await (const batch of batches) seqs.push(...batch.map(({ seq }) => seq));
      expect(seqs).toEqual([1, 2, 3, 4, 5]);
    });

    it('resumes after a position', async () => {
      trail.recordsMax = 2;
      trail.append(...[1, 2, 3, 4, 5].map((seq) => aRecord(seq)));
      expect(await exported({}, 2)).toEqual([[3, 4], [5]]);
      expect(await exported({}, 5)).toEqual([]);
      expect(await exported({}, 99)).toEqual([]);
    });

    it('applies the filters', async () => {
      trail.append(aRecord(1), aRecord(2, { type: 'key.created' }), aRecord(3));
      expect(await exported({ type: 'key.*' })).toEqual([[2]]);
    });

    it('reads no further once it is aborted', async () => {
      trail.recordsMax = 1;
      trail.append(...[1, 2, 3].map((seq) => aRecord(seq)));
      const controller = new AbortController();
      const batches = await audit.export({}, 0, ANYONE, controller.signal);
      await batches.next();
      controller.abort();
      expect(await batches.next()).toEqual({ done: true, value: undefined });
    });
  });
});
