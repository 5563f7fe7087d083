import { GENESIS, type LogRecord, sealAll } from '@app/kernel';
import { ChainVerifier, type Fault, type SealedRecord } from './chain.js';

const records = (count: number): SealedRecord[] =>
  sealAll(
    GENESIS,
    Array.from({ length: count }, (_, i): LogRecord => ({
      seq: i + 1,
      id: `evt_${String(i + 1)}`,
      type: 'thing.happened',
      at: new Date(1_700_000_000_000 + i),
      projectId: null,
      target: 'x',
      outcome: 'allowed',
      actor: { keyId: null, ip: null, userAgent: null, requestId: null, traceId: null },
      data: { i },
      details: null,
    })),
  );
const verify = (log: readonly SealedRecord[], lastSeq = log.length, verifier = new ChainVerifier()): Fault | null => {
  for (const record of log) {
    const fault = verifier.next(record);
    if (fault !== null) return fault;
  }
  return verifier.end(lastSeq);
};

describe('ChainVerifier', () => {
  const log = records(5);

  it('accepts what was sealed', () => {
    expect(verify(log)).toBeNull();
    expect(verify([], 0)).toBeNull();
  });

  it('continues from a seal', () => {
    expect(verify(log.slice(2), 5, new ChainVerifier({ seq: 2, hash: log[1]!.hash! }))).toBeNull();
    expect(verify(log.slice(2), 5, new ChainVerifier({ seq: 2, hash: GENESIS }))).toMatchObject({
      seq: 3,
      reason: 'changed',
    });
  });

  it.each<[string, readonly SealedRecord[], number, Fault['reason']]>([
    ['a change', [log[0]!, { ...log[1]!, outcome: 'denied' }, ...log.slice(2)], 2, 'changed'],
    ['a missing record', [log[0]!, ...log.slice(2)], 2, 'missing'],
    ['a missing beginning', log.slice(1), 1, 'missing'],
    ['two records in the other order', [log[0]!, log[2]!, log[1]!, log[3]!], 2, 'missing'],
    ['two records that were swapped', [log[0]!, { ...log[2]!, seq: 2 }, { ...log[1]!, seq: 3 }], 2, 'changed'],
    ['a record that was put between', [log[0]!, log[1]!, { ...log[1]!, id: 'evt_x' }, ...log.slice(2)], 2, 'repeated'],
    ['a record without a seal', [log[0]!, { ...log[1]!, hash: null }], 2, 'unsealed'],
    ['a missing end', log.slice(0, 4), 5, 'end'],
  ])('finds %s', (_name, found, seq, reason) => {
    expect(verify(found, 5)).toMatchObject({ seq, reason });
  });

  it('finds a chain that was made again, and an end that is missing, by what it expects', () => {
    const again = sealAll(GENESIS, [...log.slice(0, 3), { ...log[3]!, outcome: 'denied' as const }, log[4]!]);
    expect(verify(again)).toBeNull();
    const expecting = (seq: number, of: SealedRecord): ChainVerifier => {
      const verifier = new ChainVerifier();
      verifier.expect(seq, of.hash!.toString('hex'));
      return verifier;
    };
    expect(verify(again, 5, expecting(5, log[4]!))).toMatchObject({ seq: 5, reason: 'checkpoint' });
    expect(verify(again, 5, expecting(3, log[2]!))).toBeNull();
    expect(verify(log.slice(0, 3), 3, expecting(5, log[4]!))).toMatchObject({ seq: 4, reason: 'end' });
  });
});
