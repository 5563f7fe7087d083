import type { MigrationInterface, QueryRunner } from 'typeorm';

/** URLs that are told about the end of one command, and the secrets of keys that sign what they are told. */
export class AddCallbacks1790000300001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // 244 bits of the database's cryptographic generator, in the form of a webhook's secret.
    await runner.query(`CREATE FUNCTION new_callback_secret() RETURNS text LANGUAGE sql AS $$
      SELECT 'whsec_' || encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'base64') $$`);
    // By default, so that keys that the previous release creates during an upgrade have one, too.
    await runner.query('ALTER TABLE api_keys ADD COLUMN callback_secret text DEFAULT new_callback_secret() NOT NULL');
    await runner.query('CREATE INDEX api_keys_rotated_from ON api_keys (rotated_from) WHERE rotated_from IS NOT NULL');
    await runner.query(`CREATE TABLE callbacks (
      command_id text COLLATE "C" NOT NULL,
      url text NOT NULL,
      key_id text COLLATE "C" NOT NULL,
      CONSTRAINT callbacks_pkey PRIMARY KEY (command_id))`);
    await runner.query('ALTER TABLE deliveries ADD COLUMN callback_url text');
    await runner.query('ALTER TABLE deliveries ADD COLUMN callback_key_id text COLLATE "C"');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE deliveries DROP COLUMN callback_url, DROP COLUMN callback_key_id');
    await runner.query('DROP TABLE callbacks');
    await runner.query('DROP INDEX api_keys_rotated_from');
    await runner.query('ALTER TABLE api_keys DROP COLUMN callback_secret');
    await runner.query('DROP FUNCTION new_callback_secret');
  }
}
