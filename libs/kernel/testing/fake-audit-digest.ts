import { createHmac } from 'node:crypto';
import type { AuditDigest, KeyedDigest } from '../src/index.js';

export class FakeAuditDigest implements AuditDigest {
  /** @param key null: none is configured */
  constructor(private readonly key: string | null = 'secret') {}

  digest(text: string): KeyedDigest | null {
    return this.key === null
      ? null
      : { keyId: 'fake', value: createHmac('sha256', this.key).update(text).digest('hex') };
  }
}
