import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/** How operators know the machine or pod of a replica. */
export function replicaName(): string {
  return hostname();
}

/** A new owner of leases. No other one is equal, even of the same replica after a restart. */
export function newLeaseOwner(): string {
  return `${replicaName()}/${randomUUID()}`;
}

/** Leases of one owner. */
export interface LeaseHolder {
  readonly owner: string;
  readonly count: number;
  /** When the first of them expires unless it is renewed. */
  readonly expiresAt: Date;
}
