import { Install } from '@app/kernel';
import { Check, Column, Entity, PrimaryColumn } from 'typeorm';
import type { Database } from './database.js';

@Entity('install')
@Check('install_one', 'one')
export class InstallEntity {
  @PrimaryColumn({ type: 'boolean', default: true, primaryKeyConstraintName: 'install_pkey' })
  one!: boolean;

  @Column('uuid')
  id!: string;
}

/** Reads the install's id from the database. */
export async function readInstall(database: Database): Promise<Install> {
  const [row] = await database.query<{ id: string }>('SELECT id FROM install');
  if (row === undefined) throw new Error('The table install is empty: the id of this install is lost.');
  return new Install(row.id);
}
