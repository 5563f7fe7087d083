import { Database } from '@app/database';
import { Injectable } from '@nestjs/common';
import {
  AFTER_END_SECONDS,
  FIRST_USE_SECONDS,
  REUSE_SECONDS,
  TicketRepository,
} from '../../application/ticket.repository.js';

@Injectable()
export class PostgresTicketRepository implements TicketRepository {
  constructor(private readonly database: Database) {}

  async insert(hash: Buffer, keyId: string, path: string): Promise<Date> {
    const [row] = await this.database.query<{ expiresAt: Date }>(
      `INSERT INTO stream_tickets (hash, key_id, path, expires_at) VALUES ($1, $2, $3, now() + make_interval(secs => $4))
       RETURNING expires_at AS "expiresAt"`,
      [hash, keyId, path, FIRST_USE_SECONDS],
    );
    if (row === undefined) throw new Error('The ticket was not stored.');
    return row.expiresAt;
  }

  async use(hash: Buffer, path: string): Promise<string | null> {
    const [row] = await this.database.query<{ keyId: string }>(
      `UPDATE stream_tickets SET used = true,
         expires_at = CASE WHEN used THEN expires_at ELSE created_at + make_interval(secs => $3) END
       WHERE hash = $1 AND path = $2 AND expires_at > now() RETURNING key_id AS "keyId"`,
      [hash, path, REUSE_SECONDS],
    );
    return row?.keyId ?? null;
  }

  async end(hash: Buffer): Promise<void> {
    await this.database.query(
      'UPDATE stream_tickets SET expires_at = least(expires_at, now() + make_interval(secs => $2)) WHERE hash = $1',
      [hash, AFTER_END_SECONDS],
    );
  }

  async sweep(): Promise<number> {
    const rows = await this.database.query('DELETE FROM stream_tickets WHERE expires_at <= now() RETURNING 1');
    return rows.length;
  }
}
