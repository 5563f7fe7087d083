import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Requests of a key that a replica allowed in a short span of time. Unlogged. */
@Entity('rate_limit_hits')
export class RateLimitHitsEntity {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'rate_limit_hits_pkey' })
  key!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'rate_limit_hits_pkey' })
  replica!: string;

  /** Number of the span, by the replica's clock. */
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'rate_limit_hits_pkey' })
  bucket!: string;

  @Column('integer')
  hits!: number;

  /** By the database's clock. */
  @Column({ type: 'timestamptz', name: 'newest_at' })
  newestAt!: Date;
}
