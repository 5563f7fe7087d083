import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { DeliveryStatus } from '../../domain/delivery.js';

const INSTANT = { type: 'timestamptz', precision: 3 } as const;

@Entity('webhooks')
@Index('webhooks_abandoned', ['abandonedBefore'], { where: 'abandoned_before IS NOT NULL' })
export class WebhookEntity {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'webhooks_pkey' })
  id!: string;

  @Column('text')
  url!: string;

  /** Of the URL. Null: the previous release wrote the row. */
  @Column({ type: 'text', nullable: true })
  origin!: string | null;

  @Column({ type: 'text', array: true })
  events!: string[];

  @Column({ type: 'text', array: true, nullable: true })
  projects!: string[] | null;

  @Column({ type: 'text', nullable: true })
  description!: string | null;

  @Column('boolean')
  enabled!: boolean;

  @Column({ type: 'text', name: 'disabled_reason', nullable: true })
  disabledReason!: string | null;

  @Column({ type: 'text', name: 'key_id', collation: 'C' })
  keyId!: string;

  @Column('text')
  secret!: string;

  @Column({ type: 'text', name: 'former_secret', nullable: true })
  formerSecret!: string | null;

  @Column({ ...INSTANT, name: 'former_secret_until', nullable: true })
  formerSecretUntil!: Date | null;

  @Column({ ...INSTANT, name: 'failing_since', nullable: true })
  failingSince!: Date | null;

  /** When an attempt last failed, to the hour. */
  @Column({ ...INSTANT, name: 'failed_at', nullable: true })
  failedAt!: Date | null;

  /** Deliveries that are pending since then or longer are not sent any more. Null: there are none. */
  @Column({ type: 'timestamptz', name: 'abandoned_before', nullable: true })
  abandonedBefore!: Date | null;

  @Column({ ...INSTANT, name: 'created_at' })
  createdAt!: Date;

  @Column({ ...INSTANT, name: 'updated_at' })
  updatedAt!: Date;
}

@Entity('deliveries')
@Index('deliveries_due', ['webhookId', 'nextAttemptAt'], { where: "status = 'pending'" })
@Index('deliveries_webhook', ['webhookId', 'id'])
@Index('deliveries_status', ['webhookId', 'status', 'id'])
@Index('deliveries_ended', ['endedAt'], { where: 'ended_at IS NOT NULL' })
export class DeliveryEntity {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'deliveries_pkey' })
  id!: string;

  /** The endpoint: that of a callback has no row in `webhooks`. */
  @Column({ type: 'text', name: 'webhook_id', collation: 'C' })
  webhookId!: string;

  @Column({ type: 'text', name: 'callback_url', nullable: true })
  callbackUrl!: string | null;

  @Column({ type: 'text', name: 'callback_key_id', collation: 'C', nullable: true })
  callbackKeyId!: string | null;

  @Column({ type: 'text', name: 'message_id', collation: 'C' })
  messageId!: string;

  @Column('text')
  type!: string;

  @Column({ type: 'text', name: 'project_id', collation: 'C', nullable: true })
  projectId!: string | null;

  @Column('text')
  body!: string;

  @Column({ type: 'text', nullable: true })
  traceparent!: string | null;

  @Column('text')
  status!: DeliveryStatus;

  @Column({ type: 'integer', name: 'attempt_count' })
  attemptCount!: number;

  /** Since its creation, or since it was last redelivered. */
  @Column({ type: 'timestamptz', name: 'pending_since', default: () => 'now()' })
  pendingSince!: Date;

  /** When it is due; while it is claimed, when the claim expires. */
  @Column({ ...INSTANT, name: 'next_attempt_at', nullable: true })
  nextAttemptAt!: Date | null;

  @Column({ ...INSTANT, name: 'created_at' })
  createdAt!: Date;

  @Column({ ...INSTANT, name: 'ended_at', nullable: true })
  endedAt!: Date | null;
}

@Entity('delivery_attempts')
@ForeignKey(() => DeliveryEntity, ['deliveryId'], ['id'], { name: 'delivery_attempts_delivery', onDelete: 'CASCADE' })
export class DeliveryAttemptEntity {
  @PrimaryColumn({
    type: 'text',
    name: 'delivery_id',
    collation: 'C',
    primaryKeyConstraintName: 'delivery_attempts_pkey',
  })
  deliveryId!: string;

  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'delivery_attempts_pkey' })
  number!: number;

  @Column(INSTANT)
  at!: Date;

  @Column({ type: 'integer', nullable: true })
  status!: number | null;

  @Column({ type: 'integer', name: 'latency_ms' })
  latencyMs!: number;

  @Column({ type: 'text', nullable: true })
  excerpt!: string | null;

  @Column({ type: 'text', nullable: true })
  error!: string | null;
}
