import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Rotation of keys, the warning before their expiry, and stream tickets. */
export class AddKeyRotationAndTickets1764110000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE api_keys ADD COLUMN rotated_from text, ADD COLUMN warn_at timestamptz(3)');
    await runner.query(
      `UPDATE api_keys SET warn_at = expires_at - interval '7 days'
       WHERE revoked_at IS NULL AND expires_at > now() + interval '7 days'`,
    );
    await runner.query('CREATE INDEX api_keys_warn_at ON api_keys (warn_at) WHERE warn_at IS NOT NULL');
    await runner.query(
      `CREATE TABLE stream_tickets (
        hash bytea NOT NULL,
        key_id text COLLATE "C" NOT NULL,
        path text NOT NULL,
        used boolean NOT NULL DEFAULT false,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        expires_at timestamptz(3) NOT NULL,
        CONSTRAINT stream_tickets_pkey PRIMARY KEY (hash)
      )`,
    );
    await runner.query('CREATE INDEX stream_tickets_expires_at ON stream_tickets (expires_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE stream_tickets');
    await runner.query('ALTER TABLE api_keys DROP COLUMN warn_at, DROP COLUMN rotated_from');
  }
}
