import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a replica let through of a key in a short span of time. Unlogged. */
@Entity('rate_limit_hits')
export class RateLimitHitsEntity {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'rate_limit_hits_pkey' })
  key!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'rate_limit_hits_pkey' })
  replica!: string;

  /** Which span, by the clock of the replica. */
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'rate_limit_hits_pkey' })
  bucket!: string;

  @Column('integer')
  hits!: number;

  /** By the clock of the database. */
  @Column({ type: 'timestamptz', name: 'newest_at' })
  newestAt!: Date;
}
