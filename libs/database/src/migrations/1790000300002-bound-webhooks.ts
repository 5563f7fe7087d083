import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What bounds the work for webhooks: abandons deliveries lazily, counts per origin, and lists by status from an index. */
export class BoundWebhooks1790000300002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE webhooks ADD COLUMN origin text, ADD COLUMN failed_at timestamptz(3),
      ADD COLUMN abandoned_before timestamptz`);
    await runner.query('ALTER TABLE deliveries ADD COLUMN pending_since timestamptz NOT NULL DEFAULT now()');
    await runner.query('CREATE INDEX deliveries_status ON deliveries (webhook_id, status, id)');
    await runner.query(
      'CREATE INDEX webhooks_abandoned ON webhooks (abandoned_before) WHERE abandoned_before IS NOT NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX deliveries_status');
    await runner.query('ALTER TABLE deliveries DROP COLUMN pending_since');
    await runner.query('ALTER TABLE webhooks DROP COLUMN origin, DROP COLUMN failed_at, DROP COLUMN abandoned_before');
  }
}
