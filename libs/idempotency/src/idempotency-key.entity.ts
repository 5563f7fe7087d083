import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A request that created something, kept so that it creates it once. */
@Entity('idempotency_keys')
export class IdempotencyKeyEntity {
  /** SHA-256 of API key, route and Idempotency-Key. */
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'idempotency_keys_pkey' })
  scope!: Buffer;

  /** SHA-256 of the raw body. */
  @Column('bytea')
  fingerprint!: Buffer;

  /** Null only within the transaction that creates it. */
  @Column('text', { name: 'resource_id', nullable: true })
  resourceId!: string | null;

  @Column({ type: 'timestamptz', name: 'created_at', precision: 3, default: () => 'now()' })
  @Index('idempotency_keys_created_at')
  createdAt!: Date;
}
