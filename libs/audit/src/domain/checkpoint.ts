import type { KeyObject } from 'node:crypto';
import { type AuditKey, isSignatureOf } from './audit-key.js';

/** Signs the log up to a record: with it, later changes of the log are found. */
export interface Checkpoint {
  /** The position of the record. */
  readonly seq: number;
  /** Its seal, in hexadecimal digits. */
  readonly hash: string;
  readonly at: Date;
  readonly keyId: string;
  /** Of {@link checkpointText}, in base64. */
  readonly signature: string;
}

/** What is signed: lines of UTF-8, the last one with an end of line. */
export function checkpointText(installId: string, { seq, hash, at }: Pick<Checkpoint, 'seq' | 'hash' | 'at'>): string {
  return `rdev audit checkpoint 1\n${installId}\n${String(seq)}\n${hash}\n${at.toISOString()}\n`;
}

export function signCheckpoint(key: AuditKey, installId: string, seq: number, hash: string, at: Date): Checkpoint {
  const signature = key.sign(checkpointText(installId, { seq, hash, at })).toString('base64');
  return { seq, hash, at, keyId: key.id, signature };
}

export function isGenuine(checkpoint: Checkpoint, installId: string, publicKey: KeyObject): boolean {
  return isSignatureOf(checkpointText(installId, checkpoint), Buffer.from(checkpoint.signature, 'base64'), publicKey);
}

/** A public key, and the former key that vouches for it. */
export interface PublicAuditKey {
  readonly id: string;
  /** PEM (SPKI). */
  readonly publicKey: string;
  readonly createdAt: Date;
  /** The id of the key that signed {@link endorsementText}; null: none did. */
  readonly endorsedBy: string | null;
  /** In base64. */
  readonly endorsement: string | null;
}

/** What the former key signs of the one that replaces it. */
export function endorsementText(installId: string, { id, publicPem }: Pick<AuditKey, 'id' | 'publicPem'>): string {
  return `rdev audit key 1\n${installId}\n${id}\n${publicPem}`;
}
