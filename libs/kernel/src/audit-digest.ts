/** A digest with a key of the audit. */
export interface KeyedDigest {
  readonly keyId: string;
  /** HMAC-SHA256, in hexadecimal. */
  readonly value: string;
}

/** Digests of what the audit does not store: a claim about it can be checked with the key, a guess without it cannot. */
export abstract class AuditDigest {
  /** Null: no key is configured. */
  abstract digest(text: string): KeyedDigest | null;
}
