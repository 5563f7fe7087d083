import { StartRefused } from '@app/kernel';
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { LOCKS } from './locks.js';

const ALL = 'SELECT, INSERT, UPDATE, DELETE';

/**
 * The privileges of the API's role on each table, where another role owns them. A table without an entry is not
 * accessible. Identity columns need no privilege on their sequence, and partitions none of their own.
 */
export const TABLE_GRANTS: Readonly<Record<string, string>> = {
  admission_round: ALL,
  api_keys: ALL,
  applied_migrations: 'SELECT',
  audit_checkpoints: 'SELECT, INSERT',
  audit_keys: 'SELECT, INSERT',
  callbacks: ALL,
  command_output: ALL,
  commands: ALL,
  deliveries: ALL,
  delivery_attempts: ALL,
  event_cursors: ALL,
  event_log_head: 'SELECT, UPDATE',
  // The relay seals events that a former release has moved; a trigger keeps the seals of others.
  events: 'SELECT, INSERT, UPDATE (hash)',
  idempotency_keys: ALL,
  install: 'SELECT',
  migrations: 'SELECT',
  pending_events: 'SELECT, INSERT, DELETE',
  project_activity: ALL,
  projects: ALL,
  queue_lanes: ALL,
  queue_pauses: ALL,
  queued_commands: ALL,
  rate_limit_hits: ALL,
  stream_tickets: ALL,
  webhooks: ALL,
};

/** The functions that the API's role may call; triggers need no privilege. */
export const FUNCTION_GRANTS = [
  'create_partition(text, text)',
  'drop_partition(text, text)',
  'new_callback_secret()',
  'refresh_partitions(text)',
] as const;

const TABLES = Object.keys(TABLE_GRANTS);
const PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'];
/** As `table privilege`, without those on columns. */
const GRANTED = Object.entries(TABLE_GRANTS).flatMap(([table, privileges]) =>
  PRIVILEGES.filter((privilege) => privileges.split(', ').includes(privilege)).map(
    (privilege) => `${table} ${privilege}`,
  ),
);

/** Partitions of the tables `$2` on which the role `$1` has more than SELECT, which it has on the tables. */
const OPEN_PARTITIONS = `
  SELECT inhrelid::regclass::text AS name FROM pg_inherits
  WHERE inhparent = ANY (SELECT to_regclass(t) FROM unnest($2::text[]) t)
    AND (has_table_privilege($1::name, inhrelid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
      OR has_any_column_privilege($1::name, inhrelid, 'INSERT, UPDATE, REFERENCES'))`;

/** Columns of the tables `$2` on which the role `$1` has a privilege that it has not on the table. */
const OPEN_COLUMNS = `
  SELECT FROM pg_attribute, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p
  WHERE attrelid = ANY (SELECT to_regclass(t) FROM unnest($2::text[]) t) AND attnum > 0 AND NOT attisdropped
    AND has_column_privilege($1::name, attrelid, attnum, p) AND NOT has_table_privilege($1::name, attrelid, p)
    AND NOT (attrelid = to_regclass('events') AND attname = 'hash' AND p = 'UPDATE')`;

/** What the role `$1` would have on tables that the owner creates, such as partitions. */
const DEFAULT_PRIVILEGES = `
  SELECT FROM pg_default_acl, aclexplode(defaclacl) AS entry
  WHERE defaclobjtype = 'r' AND defaclnamespace IN (0, current_schema()::regnamespace)
    AND defaclrole = (SELECT relowner FROM pg_class WHERE oid = to_regclass('events'))
    AND entry.grantee = (SELECT oid FROM pg_roles WHERE rolname = $1)`;

/**
 * Roles that the role `$1` is a member of, and that have more than it should. A membership without INHERIT gives it
 * nothing until it runs SET ROLE, and one without SET nothing until it changes the membership as its administrator.
 */
const OPEN_ROLES = `
  SELECT FROM pg_roles AS r WHERE r.rolname <> $1 AND pg_has_role($1::name, r.oid, 'MEMBER') AND (r.rolsuper
    OR has_schema_privilege(r.oid, current_schema(), 'CREATE')
    OR EXISTS (
      SELECT FROM unnest($2::text[]) t, unnest($3::text[]) p
      WHERE has_table_privilege(r.oid, to_regclass(t), p) AND t || ' ' || p <> ALL ($4::text[]))
    OR EXISTS (
      SELECT FROM pg_inherits WHERE inhparent = ANY (SELECT to_regclass(t) FROM unnest($2::text[]) t)
        AND (has_table_privilege(r.oid, inhrelid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
          OR has_any_column_privilege(r.oid, inhrelid, 'INSERT, UPDATE, REFERENCES')))
    OR EXISTS (
      SELECT FROM pg_attribute, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p
      WHERE attrelid = ANY (SELECT to_regclass(t) FROM unnest($2::text[]) t) AND attnum > 0 AND NOT attisdropped
        AND has_column_privilege(r.oid, attrelid, attnum, p) AND NOT has_column_privilege($1::name, attrelid, attnum, p)))`;

/** Compares as sets: what the role `$1` has, whatever gives it, and `$4`. */
const HAS_EXACTLY = `
  SELECT coalesce((
    SELECT array_agg(t || ' ' || p ORDER BY t COLLATE "C", p COLLATE "C") FROM unnest($2::text[]) t, unnest($3::text[]) p
    WHERE has_table_privilege($1::name, to_regclass(t), p)
  ) = (SELECT array_agg(g ORDER BY split_part(g, ' ', 1) COLLATE "C", split_part(g, ' ', 2) COLLATE "C") FROM unnest($4::text[]) g)
    AND has_column_privilege($1::name, 'events', 'hash', 'UPDATE')
    AND NOT EXISTS (${OPEN_COLUMNS}) AND NOT EXISTS (${OPEN_PARTITIONS}) AND NOT EXISTS (${DEFAULT_PRIVILEGES}) AND NOT EXISTS (${OPEN_ROLES})
    AND (SELECT bool_and(coalesce(has_function_privilege($1::name, to_regprocedure(f), 'EXECUTE'), false)) FROM unnest($5::text[]) f)
    AND has_schema_privilege($1::name, current_schema(), 'USAGE')
    AND NOT has_schema_privilege($1::name, current_schema(), 'CREATE')
    AND has_database_privilege($1::name, current_database(), 'CONNECT'), false) AS "is"`;

/** The role of the API cannot be used as it is. The message says what to do. */
export class RoleRefused extends StartRefused {}

/**
 * Gives the role of the API's connection the privileges that it needs, and no others. Creates the role if it does not
 * exist. Does nothing if it is the owner of the tables as well, or may act as the owner.
 * @throws {@link RoleRefused}
 */
export async function grantTo(apiUrl: string, dataSource: DataSource): Promise<void> {
  const role = decodeURIComponent(new URL(apiUrl).username);
  if (role === '') throw new RoleRefused('DATABASE_URL must contain a user, which gets the privileges of the API.');
  await ensureRole(role, apiUrl, dataSource.manager);
  const [owner] = await dataSource.query<{ is: boolean }[]>(
    `SELECT pg_has_role($1::name, relowner, 'MEMBER') AS "is" FROM pg_class WHERE oid = to_regclass('events')`,
    [role],
  );
  if (owner?.is === true) return;
  await refuseCreateRole(role, dataSource.manager);
  if (await hasExactly(role, dataSource.manager)) return;
  await dataSource.transaction((manager) => grant(role, manager));
}

async function ensureRole(role: string, apiUrl: string, manager: EntityManager): Promise<void> {
  const password = decodeURIComponent(new URL(apiUrl).password);
  const [{ exists, creates } = { exists: false, creates: false }] = await manager.query<
    { exists: boolean; creates: boolean }[]
  >(
    `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS "exists", rolcreaterole OR rolsuper AS creates
     FROM pg_roles WHERE rolname = current_user`,
    [role],
  );
  if (exists) return;
  if (!creates)
    throw new RoleRefused(
      `The role ${escapeIdentifier(role)} of DATABASE_URL does not exist, and the role of DATABASE_OWNER_URL cannot create it. ` +
        `Create it: CREATE ROLE ${escapeIdentifier(role)} LOGIN PASSWORD '…';`,
    );
  await manager.query(
    `CREATE ROLE ${escapeIdentifier(role)} LOGIN${password === '' ? '' : ` PASSWORD ${escapeLiteral(password)}`}`,
  );
}

/** Before PostgreSQL 16 a role that can create roles can make itself a member of the owner. */
async function refuseCreateRole(role: string, manager: EntityManager): Promise<void> {
  const [creator] = await manager.query<{ name: string }[]>(
    `SELECT rolname AS name FROM pg_roles WHERE rolcreaterole AND pg_has_role($1::name, oid, 'MEMBER')`,
    [role],
  );
  if (creator === undefined) return;
  const { name } = creator;
  throw new RoleRefused(
    `The role ${escapeIdentifier(role)} of DATABASE_URL can create roles, and with that become the owner of the tables. Run: ` +
      (name === role
        ? `ALTER ROLE ${escapeIdentifier(role)} NOCREATEROLE;`
        : `REVOKE ${escapeIdentifier(name)} FROM ${escapeIdentifier(role)};`),
  );
}

async function grant(role: string, manager: EntityManager): Promise<void> {
  // Two sessions cannot change a table's entry in the catalog at the same time.
  await manager.query('SET LOCAL lock_timeout = 0');
  await manager.query('SELECT pg_advisory_xact_lock($1)', [LOCKS.partitions]);
  const [{ schema, database, owner, creates } = { schema: '', database: '', owner: '', creates: true }] =
    await manager.query<{ schema: string; database: string; owner: string; creates: boolean }[]>(
      `SELECT current_schema() AS schema, current_database() AS database, pg_get_userbyid(relowner) AS owner,
         has_schema_privilege($1::name, current_schema(), 'CREATE') AS creates
       FROM pg_class WHERE oid = to_regclass('events')`,
      [role],
    );
  const grantee = escapeIdentifier(role);
  if (creates)
    throw new RoleRefused(
      `The role ${grantee} of DATABASE_URL can create objects in the schema ${escapeIdentifier(schema)}, and with them get the ` +
        `privileges of the owner. Run: REVOKE CREATE ON SCHEMA ${escapeIdentifier(schema)} FROM PUBLIC, ${grantee}; ` +
        `GRANT CREATE ON SCHEMA ${escapeIdentifier(schema)} TO CURRENT_USER; (with the owner's name instead of CURRENT_USER)`,
    );
  const tables = Object.entries(TABLE_GRANTS);
  const partitions = await manager.query<{ name: string }[]>(OPEN_PARTITIONS, [role, TABLES]);
  const defaults = `ALTER DEFAULT PRIVILEGES FOR ROLE ${escapeIdentifier(owner)}`;
  await manager.query(
    [
      `GRANT CONNECT ON DATABASE ${escapeIdentifier(database)} TO ${grantee}`,
      `GRANT USAGE ON SCHEMA ${escapeIdentifier(schema)} TO ${grantee}`,
      ...['', ` IN SCHEMA ${escapeIdentifier(schema)}`].map(
        (where) => `${defaults}${where} REVOKE ALL ON TABLES FROM ${grantee}`,
      ),
      `REVOKE ALL ON ${[...TABLES, ...partitions.map(({ name }) => name)].join(', ')} FROM ${grantee}`,
      ...tables.map(([table, privileges]) => `GRANT ${privileges} ON ${table} TO ${grantee}`),
      ...FUNCTION_GRANTS.map((signature) => `GRANT EXECUTE ON FUNCTION ${signature} TO ${grantee}`),
    ].join(';\n'),
  );
  if (!(await hasExactly(role, manager)))
    throw new RoleRefused(
      `The role ${grantee} of DATABASE_URL has privileges on the tables of rdev that it should not have: from PUBLIC, or as a ` +
        'member of another role. REVOKE them.',
    );
}

/** Whether the role has the privileges on tables, and can use all else that it needs. */
async function hasExactly(role: string, manager: EntityManager): Promise<boolean> {
  const [result] = await manager.query<{ is: boolean }[]>(HAS_EXACTLY, [
    role,
    TABLES,
    PRIVILEGES,
    GRANTED,
    FUNCTION_GRANTS,
  ]);
  return result?.is === true;
}

/** Whether the own role has what {@link grantTo} gives it. */
export async function hasGrants(dataSource: DataSource): Promise<boolean> {
  const [result] = await dataSource.query<{ has: boolean }[]>(
    `SELECT (SELECT bool_and(coalesce(has_table_privilege(to_regclass(split_part(g, ' ', 1)), split_part(g, ' ', 2)), false)) FROM unnest($1::text[]) g)
       AND coalesce(has_column_privilege(to_regclass('events'), 'hash', 'UPDATE'), false)
       AND (SELECT bool_and(coalesce(has_function_privilege(to_regprocedure(f), 'EXECUTE'), false)) FROM unnest($2::text[]) f) AS has`,
    [GRANTED, FUNCTION_GRANTS],
  );
  return result?.has === true;
}
