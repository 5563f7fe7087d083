import { createHash } from 'node:crypto';
import { GENESIS, type LogRecord, sealAll, sealOf } from './seal.js';

const RECORD: LogRecord = {
  seq: 1,
  id: 'evt_1',
  type: 'key.created',
  at: new Date('2026-01-31T08:00:00.120Z'),
  projectId: null,
  target: 'key_1',
  outcome: 'allowed',
  actor: { keyId: 'key_0', ip: '::1', userAgent: 'curl "ä"', requestId: 'r', traceId: null },
  data: { b: 1, a: { z: [1, 'x'], y: null } },
  details: null,
};

describe('a seal', () => {
  it('is the SHA-256 of the seal before it and of the canonical record', () => {
    const text =
      '{"actor":{"ip":"::1","keyId":"key_0","requestId":"r","traceId":null,"userAgent":"curl \\"ä\\""},' +
      '"at":"2026-01-31T08:00:00.120Z","data":{"a":{"y":null,"z":[1,"x"]},"b":1},"details":null,"id":"evt_1",' +
      '"outcome":"allowed","projectId":null,"seq":1,"target":"key_1","type":"key.created"}';
    const expected = createHash('sha256').update(Buffer.alloc(32)).update(text, 'utf8').digest('hex');
    expect(sealOf(GENESIS, RECORD).toString('hex')).toBe(expected);
  });

  it.each([
    { seq: 2 },
    { id: 'evt_2' },
    { type: 'key.revoked' },
    { at: new Date('2026-01-31T08:00:00.121Z') },
    { projectId: '' },
    { target: '' },
    { outcome: 'denied' as const },
    { actor: { ...RECORD.actor, ip: null } },
    { data: { b: 1, a: { z: ['1', 'x'], y: null } } },
    { details: {} },
  ])('changes with %j', (change) => {
    expect(sealOf(GENESIS, { ...RECORD, ...change })).not.toEqual(sealOf(GENESIS, RECORD));
  });

  it('does not change with the order of members', () => {
    const data = { a: { y: null, z: [1, 'x'] }, b: 1 };
    expect(sealOf(GENESIS, { ...RECORD, data })).toEqual(sealOf(GENESIS, RECORD));
  });

  it('continues the chain', () => {
    const [one, two] = sealAll(GENESIS, [RECORD, { ...RECORD, seq: 2 }]);
    expect(two!.hash).toEqual(sealOf(one!.hash, { ...RECORD, seq: 2 }));
  });
});
