import { Readable } from 'node:stream';
import { EventRelay, PostgresEventLog, eventPartitions } from '@app/events';
import { GENESIS, Install, type LogRecord, jsonLine, newId, sealAll } from '@app/kernel';
import { FakeClock, InMemoryNotifier } from '@app/kernel/testing';
import { Database, PartitionKeeper, PartitionStore } from '@app/database';
import { type OpenTestDatabase, ROLES, openTestDatabase, partitionAt } from '@app/database/testing';
import { Logger } from '@nestjs/common';
import { AuditKeys } from '../../application/audit-keys.js';
import { Checkpointer } from '../../application/checkpointer.js';
import { ExportVerifier } from '../../application/export-verification.js';
import { type Verdict, Verification } from '../../application/verification.js';
import { AuditKey, isSignatureOf, readPublicKey } from '../../domain/audit-key.js';
import { endorsementText, isGenuine, signCheckpoint } from '../../domain/checkpoint.js';
import { PostgresAuditTrail } from './postgres-audit-trail.js';
import { PostgresCheckpointRepository } from './postgres-checkpoint.repository.js';
import { PostgresLogArchive } from './postgres-log-archive.js';

const INSTALL = new Install('00000000-0000-4000-8000-000000000001');
const MINUTE_MS = 60_000;
const RETENTION_DAYS = 400;
const EVENTS = eventPartitions(RETENTION_DAYS);

describe.each(ROLES)('checkpoints, made by the %s,', (role) => {
  const pem = AuditKey.generate();
  let db: OpenTestDatabase;
  let log: PostgresEventLog;
  let relay: EventRelay;
  let checkpoints: PostgresCheckpointRepository;
  let partitions: PartitionStore;
  let clock: FakeClock;

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => {
    db = await openTestDatabase(10, role);
    const notifier = new InMemoryNotifier();
    clock = new FakeClock(new Date());
    partitions = new PartitionStore(db.dataSource, [EVENTS]);
    log = new PostgresEventLog(db.database, notifier, clock);
    relay = new EventRelay(db.dataSource, notifier, partitions);
    checkpoints = new PostgresCheckpointRepository(db.database, partitions);
  });
  afterEach(() => db.close());

  const checkpointer = async (key = pem, formerKey: string | null = null, on = db.database): Promise<Checkpointer> => {
    const keys = await AuditKeys.load({ key, formerKey, keyFile: null });
    return new Checkpointer(new PostgresCheckpointRepository(on, partitions), keys, log, on, INSTALL, clock);
  };
  const add = async (count = 1, at = 'now()'): Promise<void> => {
    for (let i = 0; i < count; i++) await log.add({ type: 'x', target: newId('cmd'), outcome: 'allowed', data: { i } });
    if (at !== 'now()') await db.owner.query(`UPDATE pending_events SET at = ${at}`);
    while (await relay.relay());
  };
  const seqs = async (): Promise<number[]> =>
    (await checkpoints.list({ limit: 200 })).data.map(({ seq }) => seq).sort((a, b) => a - b);
  const verify = async (): Promise<Verdict> => {
    const steps = new Verification(new PostgresLogArchive(db.database), checkpoints, INSTALL).verify();
    for (;;) {
      const { done, value } = await steps.next();
      if (done === true) return value;
    }
  };

  it('are made at once, then after five minutes with news, and not for their own records', async () => {
    const signer = await checkpointer();
    await signer.round();
    expect(await seqs()).toEqual([]);
    await add(3);
    await signer.round();
    // The first record is about the key.
    expect(await seqs()).toEqual([4]);
    while (await relay.relay());
    expect(await log.lastSeq()).toBe(5);
    clock.advance(6 * MINUTE_MS);
    await signer.round();
    await add();
    await signer.round();
    const known = await seqs();
    clock.advance(4 * MINUTE_MS);
    await signer.round();
    expect(await seqs()).toEqual(known);
    clock.advance(2 * MINUTE_MS);
    await add(2);
    await signer.round();
    expect((await seqs()).length).toBe(known.length + 1);
    expect(await verify()).toMatchObject({ valid: true, checkpoints: known.length + 1 });
  });

  it('are made by one replica at a time', async () => {
    const replica = await db.anotherReplica();
    await add(3);
    const signers = await Promise.all([
      checkpointer(),
      checkpointer(pem, null, new Database(replica.dataSource, partitions)),
    ]);
    await Promise.all(signers.flatMap((signer) => [signer.round(), signer.round()]));
    expect(await seqs()).toEqual([3]);
    expect(await checkpoints.keys()).toHaveLength(1);
  });

  it('can be verified with the public key alone', async () => {
    await add(3);
    await (await checkpointer()).round();
    const [checkpoint] = (await checkpoints.list({ limit: 1 })).data;
    const [key] = await checkpoints.keys();
    const publicKey = readPublicKey(key!.publicKey);
    expect(isGenuine(checkpoint!, INSTALL.id, publicKey)).toBe(true);
    for (const change of [{ seq: 2 }, { hash: '00'.repeat(32) }, { at: new Date(0) }, { signature: 'AAAA' }])
      expect(isGenuine({ ...checkpoint!, ...change }, INSTALL.id, publicKey)).toBe(false);
    expect(isGenuine(checkpoint!, 'another install', publicKey)).toBe(false);
  });

  it('are signed soon by a new key that the former one vouches for', async () => {
    await add(3);
    await (await checkpointer()).round();
    clock.advance(1_000);
    const next = AuditKey.generate();
    await add(3);
    await (await checkpointer(next, pem)).round();
    const [former, current] = await checkpoints.keys();
    expect([former!.endorsedBy, current!.endorsedBy]).toEqual([null, former!.id]);
    const endorsement = Buffer.from(current!.endorsement!, 'base64');
    expect(
      isSignatureOf(endorsementText(INSTALL.id, AuditKey.read(next)), endorsement, readPublicKey(former!.publicKey)),
    ).toBe(true);
    expect(await verify()).toMatchObject({ valid: true, checkpoints: 2 });
  });

  it('and records that are made during a verification do not disturb it', async () => {
    await add(3);
    const steps = new Verification(new PostgresLogArchive(db.database), checkpoints, INSTALL).verify();
    await steps.next();
    await add(3);
    await (await checkpointer()).round();
    expect((await steps.next()).value).toMatchObject({ valid: true, checked: 3 });
  });

  it('whose signature is wrong are found', async () => {
    await add(3);
    await (await checkpointer()).round();
    await db.owner.query('ALTER TABLE audit_checkpoints DISABLE TRIGGER USER');
    await db.owner.query(`UPDATE audit_checkpoints SET at = at - interval '1 second'`);
    expect(await verify()).toMatchObject({ valid: false, firstBad: { reason: 'signature', seq: 3 } });
  });

  it('cannot be changed or removed', async () => {
    await add(3);
    await (await checkpointer()).round();
    for (const sql of ['UPDATE audit_checkpoints SET seq = 2', 'DELETE FROM audit_keys', 'TRUNCATE audit_checkpoints'])
      await expect(db.owner.query(sql)).rejects.toThrow('append-only');
  });

  /** Gives the log, sealed as the relay does, records of these months, counted back from the present one. */
  const addSealed = async (months: readonly number[]): Promise<void> => {
    const records = months.map((month, i) => {
      const now = new Date();
      const at = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - month, 15));
      const actor = { keyId: null };
      return {
        seq: i + 1,
        id: newId('evt'),
        type: 'x',
        at,
        projectId: null,
        target: 't',
        outcome: 'allowed',
        actor,
        data: {},
        details: null,
      };
    }) as unknown as LogRecord[];
    for (const at of new Set(records.map((record) => record.at)))
      await partitions.create(EVENTS, [partitionAt(EVENTS, at)]);
    const sealed = sealAll(GENESIS, records);
    for (const { seq, id, type, at, target, outcome, actor, data, hash } of sealed)
      await db.database.query(
        `INSERT INTO events (seq, id, type, at, target, outcome, actor, data, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [seq, id, type, at, target, outcome, JSON.stringify(actor), JSON.stringify(data), hash],
      );
    const { seq, hash } = sealed.at(-1)!;
    await db.database.query('UPDATE event_log_head SET last_seq = $1, sealed_seq = $1, hash = $2', [seq, hash]);
  };
  const drop = (month: number): Promise<unknown> => {
    const now = new Date();
    const { name } = partitionAt(EVENTS, new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - month, 15)));
    return db.database.query('SELECT drop_partition($1, $2)', ['events', name]);
  };

  it('let a month go only after its end is signed, and the rest is verified from there', async () => {
    await addSealed([4, 4, 4, 4, 3, 3, 4, 3, 3, 0]);
    // Where no key is known, seals are enough. Since the first one nothing is dropped without a checkpoint.
    const { id, publicPem: publicKey } = AuditKey.read(pem);
    await checkpoints.insertKey({ id, publicKey, createdAt: new Date(), endorsedBy: null, endorsement: null });
    clock.advance(RETENTION_DAYS * 24 * 60 * MINUTE_MS);
    const keeper = new PartitionKeeper(db.database, partitions, clock);
    await keeper.keep();
    expect((await verify()).firstSeq).toBe(1);
    await expect(drop(4)).rejects.toThrow('has no checkpoint');
    await (await checkpointer()).round();
    expect(await seqs()).toEqual(expect.arrayContaining([7, 9]));
    await expect(drop(3)).rejects.toThrow('is not the oldest');
    await drop(4);
    expect(await verify()).toMatchObject({ valid: true, firstSeq: 8 });
    await keeper.keep();
    expect(await verify()).toMatchObject({ valid: true, firstSeq: 10 });
    await add(1);
    expect(await verify()).toMatchObject({ valid: true, firstSeq: 10 });
  });

  it('let an export begin with the first record that can be verified', async () => {
    await addSealed([4, 4, 3, 4, 3, 0]);
    await drop(4);
    const records = await new PostgresAuditTrail(db.database).read(
      { visibleProjects: null },
      { after: 0, upTo: 6 },
      50,
    );
    const lines = Readable.from(records.map((record) => jsonLine(record)));
    const { fault, firstSeq } = await new ExportVerifier({ keys: [], kept: [], isPartial: false }).verify(lines);
    expect([fault, firstSeq]).toEqual([null, 5]);
  });

  it('begin after months that were dropped while the log was not signed', async () => {
    await addSealed([4, 3, 0]);
    await drop(4);
    await (await checkpointer()).round();
    expect(await seqs()).toEqual([1, 2, 3]);
    expect(await verify()).toMatchObject({ valid: true, firstSeq: 2 });
    await drop(3);
    expect(await verify()).toMatchObject({ valid: true, firstSeq: 3 });
  });

  it.each([
    ['a checkpoint', `(SELECT max(seq) FROM audit_checkpoints)`],
    ['its end', 'last_seq + 1'],
  ])('do not hide that the head of the log was changed to start after %s', async (_where, start) => {
    await add(3);
    await (await checkpointer()).round();
    await add(1);
    expect(await verify()).toMatchObject({ valid: true, checkpoints: 1 });
    const { installId, ...made } = { installId: INSTALL.id, at: new Date() };
    const forger = AuditKey.read(AuditKey.generate());
    const [{ seq, hash }] = (await db.database
      .query(
        `UPDATE event_log_head SET start_seq = ${start}, start_hash = coalesce((SELECT hash FROM events WHERE seq = ${start}), '\\x01')
       RETURNING start_seq::int AS seq, encode(start_hash, 'hex') AS hash`,
      )
      .then((result) => [result].flat(2))) as [{ seq: number; hash: string }];
    const { id, publicPem: publicKey } = forger;
    await checkpoints.insertKey({ id, publicKey, createdAt: made.at, endorsedBy: null, endorsement: null });
    if (seq > 3) await checkpoints.insert(signCheckpoint(forger, installId, seq, hash, made.at));
    expect((await verify()).firstBad).toMatchObject({ seq, reason: 'start' });
  });

  it('are needed only where there are keys, and seals always', async () => {
    await addSealed([4, 3, 0]);
    await drop(4);
    expect(await verify()).toMatchObject({ valid: true, firstSeq: 2 });
    await db.database.query(
      `INSERT INTO events (seq, id, type, at, target, outcome, actor, data)
       SELECT 9, 'e', type, at, target, outcome, actor, data FROM events WHERE seq = 2`,
    );
    await expect(drop(3)).rejects.toThrow('is not sealed');
    await expect(drop(0)).rejects.toThrow('less than 30 days ago');
  });
});
