import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Subscriptions to events, and what is delivered to them. */
export class AddWebhooks1790000300000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE event_cursors (
      name text NOT NULL,
      seq bigint NOT NULL,
      CONSTRAINT event_cursors_pkey PRIMARY KEY (name))`);
    await runner.query(`INSERT INTO event_cursors (name, seq) SELECT 'webhooks', last_seq FROM event_log_head`);
    await runner.query(`CREATE TABLE webhooks (
      id text COLLATE "C" NOT NULL,
      url text NOT NULL,
      events text[] NOT NULL,
      projects text[],
      description text,
      enabled boolean NOT NULL,
      disabled_reason text,
      key_id text COLLATE "C" NOT NULL,
      secret text NOT NULL,
      former_secret text,
      former_secret_until timestamptz(3),
      failing_since timestamptz(3),
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3) NOT NULL,
      CONSTRAINT webhooks_pkey PRIMARY KEY (id))`);
    await addDeliveries(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE delivery_attempts, deliveries, webhooks, event_cursors');
  }
}

async function addDeliveries(runner: QueryRunner): Promise<void> {
  await runner.query(`CREATE TABLE deliveries (
    id text COLLATE "C" NOT NULL,
    webhook_id text COLLATE "C" NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    project_id text COLLATE "C",
    body text NOT NULL,
    status text NOT NULL,
    attempt_count integer NOT NULL,
    next_attempt_at timestamptz(3),
    created_at timestamptz(3) NOT NULL,
    ended_at timestamptz(3),
    CONSTRAINT deliveries_pkey PRIMARY KEY (id))`);
  await runner.query(
    `CREATE INDEX deliveries_due ON deliveries (webhook_id, next_attempt_at) WHERE status = 'pending'`,
  );
  await runner.query('CREATE INDEX deliveries_webhook ON deliveries (webhook_id, id)');
  await runner.query('CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL');
  await runner.query(`CREATE TABLE delivery_attempts (
    delivery_id text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    at timestamptz(3) NOT NULL,
    status integer,
    latency_ms integer NOT NULL,
    excerpt text,
    error text,
    CONSTRAINT delivery_attempts_pkey PRIMARY KEY (delivery_id, number),
    CONSTRAINT delivery_attempts_delivery FOREIGN KEY (delivery_id) REFERENCES deliveries (id) ON DELETE CASCADE)`);
}
