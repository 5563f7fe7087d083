import { Database } from '@app/database';
import type { Callback } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import type { CallbackRepository } from '../../application/callback.repository.js';

@Injectable()
export class PostgresCallbackRepository implements CallbackRepository {
  constructor(private readonly database: Database) {}

  async insert({ commandId, url, keyId }: Callback): Promise<void> {
    await this.database.query('INSERT INTO callbacks (command_id, url, key_id) VALUES ($1, $2, $3)', [
      commandId,
      url,
      keyId,
    ]);
  }

  take(commandIds: readonly string[]): Promise<readonly Callback[]> {
    return this.database.query<Callback>(
      'DELETE FROM callbacks WHERE command_id = ANY($1) RETURNING command_id AS "commandId", url, key_id AS "keyId"',
      [commandIds],
    );
  }
}
