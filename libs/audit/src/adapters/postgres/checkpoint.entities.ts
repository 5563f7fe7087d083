import { Column, Entity, PrimaryColumn } from 'typeorm';

const INSTANT = { type: 'timestamptz', precision: 3 } as const;

@Entity('audit_checkpoints')
export class CheckpointEntity {
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'audit_checkpoints_pkey' })
  seq!: string;

  @Column('bytea')
  hash!: Buffer;

  @Column(INSTANT)
  at!: Date;

  @Column({ type: 'text', name: 'key_id' })
  keyId!: string;

  @Column('text')
  signature!: string;
}

@Entity('audit_keys')
export class AuditKeyEntity {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'audit_keys_pkey' })
  id!: string;

  @Column({ type: 'text', name: 'public_key' })
  publicKey!: string;

  @Column({ ...INSTANT, name: 'created_at' })
  createdAt!: Date;

  @Column({ type: 'text', name: 'endorsed_by', nullable: true })
  endorsedBy!: string | null;

  @Column('text', { nullable: true })
  endorsement!: string | null;
}
