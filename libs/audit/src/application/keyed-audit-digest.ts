import { createHmac } from 'node:crypto';
import { type AuditDigest, type KeyedDigest } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { AuditKeys } from './audit-keys.js';

/** What the key of the digests is derived for. */
const PURPOSE = 'rdev audit digest 1';

/** Digests with a key that is derived from the key of the audit log. */
@Injectable()
export class KeyedAuditDigest implements AuditDigest {
  private readonly key: { readonly id: string; readonly secret: Buffer } | null;

  constructor({ current }: AuditKeys) {
    this.key = current === null ? null : { id: current.id, secret: current.derive(PURPOSE) };
  }

  digest(text: string): KeyedDigest | null {
    if (this.key === null) return null;
    const { id: keyId, secret } = this.key;
    return { keyId, value: createHmac('sha256', secret).update(text).digest('hex') };
  }
}
