import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The Idempotency-Key of a request, and its result. */
@Entity('idempotency_keys')
export class IdempotencyKeyEntity {
  /** SHA-256 of API key, route and Idempotency-Key. */
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'idempotency_keys_pkey' })
  scope!: Buffer;

  /** SHA-256 of the raw body. */
  @Column('bytea')
  fingerprint!: Buffer;

  /** Null while the request is in progress. */
  @Column('text', { name: 'resource_id', nullable: true })
  resourceId!: string | null;

  @Column({ type: 'timestamptz', name: 'created_at', precision: 3, default: () => 'now()' })
  @Index('idempotency_keys_created_at')
  createdAt!: Date;
}
