import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('callbacks')
export class CallbackEntity {
  @PrimaryColumn({ type: 'text', name: 'command_id', collation: 'C', primaryKeyConstraintName: 'callbacks_pkey' })
  commandId!: string;

  @Column('text')
  url!: string;

  @Column({ type: 'text', name: 'key_id', collation: 'C' })
  keyId!: string;
}
