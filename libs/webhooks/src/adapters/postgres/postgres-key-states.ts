import { Database } from '@app/database';
import type { Scope } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import type { KeyState, KeyStates } from '../../application/key-states.js';

interface Row {
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  readonly projects: readonly string[] | null;
  readonly secret: string;
  readonly isValid: boolean;
}

@Injectable()
export class PostgresKeyStates implements KeyStates {
  constructor(private readonly database: Database) {}

  async of(keyIds: readonly string[]): Promise<ReadonlyMap<string, KeyState>> {
    const rows = await this.database.query<Row>(
      `WITH RECURSIVE line AS (
         SELECT id AS origin, id, 0 AS step FROM api_keys WHERE id = ANY($1)
         UNION ALL
         SELECT line.origin, k.id, step + 1 FROM line JOIN api_keys k ON k.rotated_from = line.id
       ) CYCLE id SET is_repeated USING path
       SELECT line.origin AS "keyId", k.scopes, k.projects, k.callback_secret AS secret,
         k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AS "isValid"
       FROM line JOIN api_keys k ON k.id = line.id WHERE NOT is_repeated ORDER BY line.origin, step, k.id`,
      [[...new Set(keyIds)]],
    );
    const lines = Map.groupBy(rows, ({ keyId }) => keyId);
    return new Map(Array.from(lines, ([keyId, line]) => [keyId, stateOf(line)]));
  }
}

/** @param line the key, then its successors */
function stateOf(line: readonly Row[]): KeyState {
  const valid = line.find(({ isValid }) => isValid);
  const secrets = [line[0], line.at(-1)].flatMap((key) => key?.secret ?? []);
  return {
    rights: valid === undefined ? null : { scopes: valid.scopes, projects: valid.projects },
    callbackSecrets: [...new Set(secrets)],
  };
}
