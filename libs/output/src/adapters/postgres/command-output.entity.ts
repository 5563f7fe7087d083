import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A run of bytes of one stream, or a range declared missing if `data` is null. */
@Entity('command_output')
export class CommandOutputEntity {
  @PrimaryColumn({ type: 'text', name: 'command_id', collation: 'C', primaryKeyConstraintName: 'command_output_pkey' })
  commandId!: string;

  /** 1 stdout, 2 stderr. */
  @PrimaryColumn({ type: 'smallint', primaryKeyConstraintName: 'command_output_pkey' })
  stream!: number;

  @PrimaryColumn({ type: 'bigint', name: 'stream_offset', primaryKeyConstraintName: 'command_output_pkey' })
  streamOffset!: string;

  /** Total bytes of both streams before it. */
  @Column('bigint')
  position!: string;

  @Column('bigint')
  length!: string;

  @Column('bytea', { nullable: true })
  data!: Buffer | null;

  @Column('text', { nullable: true })
  reason!: string | null;
}
