import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity('stream_tickets')
@Index('stream_tickets_expires_at', ['expiresAt'])
export class StreamTicketEntity {
  /** SHA-256 of the ticket. */
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'stream_tickets_pkey' })
  hash!: Buffer;

  @Column({ type: 'text', name: 'key_id', collation: 'C' })
  keyId!: string;

  @Column('text')
  path!: string;

  @Column({ type: 'boolean', default: false })
  used!: boolean;

  @Column({ type: 'timestamptz', name: 'created_at', precision: 3, default: () => 'now()' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', name: 'expires_at', precision: 3 })
  expiresAt!: Date;
}
