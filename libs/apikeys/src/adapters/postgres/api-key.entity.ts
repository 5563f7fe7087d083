import type { Scope } from '@app/kernel';
import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';

@Entity('api_keys')
@Unique('api_keys_prefix_key', ['prefix'])
@Index('api_keys_rotated_from', ['rotatedFrom'], { where: 'rotated_from IS NOT NULL' })
@Index('api_keys_warn_at', ['warnAt'], { where: 'warn_at IS NOT NULL' })
export class ApiKeyEntity {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'api_keys_pkey' })
  id!: string;

  @Column('text')
  name!: string;

  @Column({ type: 'text', collation: 'C' })
  prefix!: string;

  @Column('bytea')
  hash!: Buffer;

  @Column('text', { array: true })
  scopes!: Scope[];

  @Column('text', { array: true, nullable: true })
  projects!: string[] | null;

  @Column('text', { name: 'allowed_ips', array: true, nullable: true })
  allowedIps!: string[] | null;

  @Column('integer', { name: 'rate_limit_rps', nullable: true })
  rateLimitRps!: number | null;

  @Column('integer', { name: 'max_concurrent_commands', nullable: true })
  maxConcurrentCommands!: number | null;

  @Column('text', { name: 'created_by', nullable: true })
  createdBy!: string | null;

  @Column('text', { name: 'rotated_from', nullable: true })
  rotatedFrom!: string | null;

  @Column({ type: 'timestamptz', name: 'created_at', precision: 3, default: () => 'now()' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', name: 'expires_at', precision: 3, nullable: true })
  expiresAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'warn_at', precision: 3, nullable: true })
  warnAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'revoked_at', precision: 3, nullable: true })
  revokedAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'last_used_at', precision: 3, nullable: true })
  lastUsedAt!: Date | null;

  /** Signs what the callbacks of its commands are told. */
  @Column({ type: 'text', name: 'callback_secret', default: () => 'new_callback_secret()' })
  callbackSecret!: string;
}
