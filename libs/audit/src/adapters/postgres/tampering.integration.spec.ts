import { readFileSync } from 'node:fs';
import { EventRelay, PostgresEventLog } from '@app/events';
import { GENESIS, Install, type LogRecord, newId, sealAll } from '@app/kernel';
import { FakeClock, InMemoryNotifier } from '@app/kernel/testing';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { Logger } from '@nestjs/common';
import { AuditKeys } from '../../application/audit-keys.js';
import { Checkpointer } from '../../application/checkpointer.js';
import { ExportVerifier, type KeptCheckpoint } from '../../application/export-verification.js';
import { type Verdict, Verification } from '../../application/verification.js';
import { AuditKey } from '../../domain/audit-key.js';
import type { Checkpoint } from '../../domain/checkpoint.js';
import { PostgresCheckpointRepository } from './postgres-checkpoint.repository.js';
import { PostgresLogArchive } from './postgres-log-archive.js';

const INSTALL = new Install('00000000-0000-4000-8000-000000000001');
const RECORDS = 10;

type Row = LogRecord & { readonly hash: Buffer };

/** What an owner of the tables, or a superuser, does to the log; `forge` makes the seals from a record on again, and the head. */
interface Tampering {
  readonly name: string;
  readonly sql: readonly string[];
  readonly forgeFrom?: number;
  /** What `GET /v1/audit/verify` finds. */
  readonly verify: string | null;
  /** What it finds if the checkpoints in the database are removed as well. */
  readonly chainAlone: string | null;
}

const CHANGE = `UPDATE events SET actor = '{"keyId":"key_innocent"}' WHERE seq = 4`;
const CUT = [
  'DELETE FROM events WHERE seq > 6',
  'UPDATE event_log_head SET last_seq = 6, sealed_seq = 6, hash = (SELECT hash FROM events WHERE seq = 6)',
];

const TAMPERINGS: readonly Tampering[] = [
  { name: 'Change a record', sql: [CHANGE], verify: 'changed', chainAlone: 'changed' },
  { name: 'Delete a record', sql: ['DELETE FROM events WHERE seq = 4'], verify: 'missing', chainAlone: 'missing' },
  {
    name: 'Insert a record',
    sql: [
      `INSERT INTO events SELECT seq, 'evt_forged', type, at + interval '1 ms', project_id, target, outcome, actor, data, details, hash FROM events WHERE seq = 4`,
    ],
    verify: 'repeated',
    chainAlone: 'repeated',
  },
  {
    name: 'Insert a record after the last one',
    sql: [
      `INSERT INTO events SELECT 99, 'evt_forged', type, at, project_id, target, outcome, actor, data, details, hash FROM events WHERE seq = 4`,
    ],
    verify: 'end',
    chainAlone: 'end',
  },
  {
    name: 'Swap two records',
    sql: [
      'UPDATE events e SET data = o.data, target = o.target FROM events o WHERE (e.seq, o.seq) IN ((4, 5), (5, 4))',
    ],
    verify: 'changed',
    chainAlone: 'changed',
  },
  { name: 'Remove the last records', sql: CUT.slice(0, 1), verify: 'end', chainAlone: 'end' },
  { name: 'Remove the last records, and change the head to match', sql: CUT, verify: 'end', chainAlone: null },
  {
    name: 'Change a record, and make all later seals again',
    sql: [CHANGE],
    forgeFrom: 4,
    verify: 'checkpoint',
    chainAlone: null,
  },
  {
    name: 'Remove all records up to the last checkpoint, and begin the seals again',
    // The first record that is kept is the one about the checkpoint.
    sql: [
      `DELETE FROM events WHERE seq <= (SELECT max(seq) FROM audit_checkpoints)`,
      `UPDATE event_log_head SET start_seq = (SELECT max(seq) FROM audit_checkpoints), start_hash = NULL`,
    ],
    forgeFrom: 1,
    verify: 'start',
    chainAlone: null,
  },
  {
    name: 'Restore an old copy of all tables',
    sql: [...CUT, 'DELETE FROM audit_checkpoints WHERE seq > 6'],
    verify: null,
    chainAlone: null,
  },
  { name: 'Drop the partition of a month', sql: ['DROP TABLE %month'], verify: 'missing', chainAlone: 'missing' },
  {
    name: 'Drop the partition of a month, and change the head to match',
    sql: [
      `UPDATE event_log_head SET start_seq = 3, start_hash = (SELECT hash FROM events WHERE seq = 3)`,
      'DROP TABLE %month',
    ],
    verify: 'start',
    chainAlone: 'start',
  },
];

describe('tampering by an owner of the tables', () => {
  const pem = AuditKey.generate();
  let db: OpenTestDatabase;
  let verification: Verification;
  let kept: KeptCheckpoint;
  let month: string;

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => {
    db = await openTestDatabase();
    const notifier = new InMemoryNotifier();
    const clock = new FakeClock(new Date());
    const log = new PostgresEventLog(db.database, notifier, clock);
    const relay = new EventRelay(db.dataSource, notifier, db.partitions);
    const checkpoints = new PostgresCheckpointRepository(db.database, db.partitions);
    const keys = await AuditKeys.load({ key: pem, formerKey: null, keyFile: null });
    const checkpointer = new Checkpointer(checkpoints, keys, log, db.database, INSTALL, clock);
    verification = new Verification(new PostgresLogArchive(db.database), checkpoints, INSTALL);
    for (let i = 0; i < RECORDS; i++) {
      await log.add({ type: 'thing.happened', target: newId('cmd'), outcome: 'allowed', data: { i } });
      // The first three are of the month before.
      if (i === 2)
        await db.database.query(`UPDATE pending_events SET at = date_trunc('month', now()) - interval '1 hour'`);
    }
    while (await relay.relay());
    // A checkpoint at the last record alone, since the month before has just ended.
    jest.spyOn(checkpoints, 'ends').mockResolvedValue([]);
    await checkpointer.round();
    while (await relay.relay());
    const [last] = (await checkpoints.list({ limit: 1 })).data as [Checkpoint];
    kept = { ...last, at: last.at.toISOString(), installId: INSTALL.id };
    month = (
      (await db.database.query('SELECT tableoid::regclass::text AS name FROM events WHERE seq = 1')) as [
        { name: string },
      ]
    )[0].name;
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await db.close();
  });

  const verify = async (): Promise<Verdict> => {
    const steps = verification.verify();
    for (;;) {
      const { done, value } = await steps.next();
      if (done === true) return value;
    }
  };
  const rows = (): Promise<readonly Row[]> =>
    db.database.query<Row>(
      `SELECT seq::float8 AS seq, id, type, at, project_id AS "projectId", target, outcome, actor, data, details, hash
       FROM events ORDER BY seq, id`,
    );
  const asOwner = (work: readonly string[]): Promise<void> =>
    db.dataSource.transaction(async (manager) => {
      const switchTriggers = async (to: string): Promise<void> => {
        for (const table of ['events', 'audit_checkpoints'])
          await manager.query(`ALTER TABLE ${table} ${to} TRIGGER USER`);
      };
      await switchTriggers('DISABLE');
      for (const sql of work) await manager.query(sql.replace('%month', month));
      await switchTriggers('ENABLE');
    });
  const forge = async (from: number): Promise<void> => {
    const all = await rows();
    const forged = sealAll(all[from - 2]?.hash ?? GENESIS, all.slice(from - 1));
    await asOwner([
      ...forged.map(
        ({ seq, hash }) => `UPDATE events SET hash = '\\x${hash.toString('hex')}' WHERE seq = ${String(seq)}`,
      ),
      `UPDATE event_log_head SET hash = '\\x${forged.at(-1)!.hash.toString('hex')}'`,
    ]);
  };
  const verifyExport = async (): Promise<string | null> => {
    const lines = async function* (): AsyncGenerator<string> {
      let previousHash = GENESIS.toString('hex');
      for (const { hash, ...row } of await rows()) {
        yield JSON.stringify({ ...row, previousHash, hash: hash.toString('hex') });
        previousHash = hash.toString('hex');
      }
    };
    const keys = [AuditKey.read(pem).publicKey];
    const { fault } = await new ExportVerifier({ keys, kept: [kept], isPartial: false }).verify(lines());
    return fault?.reason ?? null;
  };

  it('is not there at first', async () => {
    expect(await verify()).toMatchObject({ valid: true, checked: RECORDS + 2, checkpoints: 1, firstBad: null });
    expect(await verifyExport()).toBeNull();
  });

  it.each(TAMPERINGS)('$name: found by the checkpoint that is kept elsewhere', async ({ sql, forgeFrom, ...found }) => {
    await asOwner(sql);
    if (forgeFrom !== undefined) await forge(forgeFrom);
    expect((await verify()).firstBad?.reason ?? null).toBe(found.verify);
    expect(await verifyExport()).not.toBeNull();
    await asOwner(['DELETE FROM audit_checkpoints']);
    expect((await verify()).firstBad?.reason ?? null).toBe(found.chainAlone);
  });

  it('is in the table of docs/concepts/audit.md', () => {
    const page = readFileSync('docs/concepts/audit.md', 'utf8');
    const mark = (found: string | null): string => (found === null ? 'no' : 'yes');
    for (const { name, verify: online, chainAlone } of TAMPERINGS)
      expect(page.replaceAll(/ +\|/g, ' |')).toContain(`| ${name} | ${mark(chainAlone)} | ${mark(online)} | yes |`);
  });
});
