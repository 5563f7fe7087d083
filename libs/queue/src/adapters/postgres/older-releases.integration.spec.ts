import { postgresCommandStore } from '../../../testing/postgres-command-store.js';
import { FakeCommandExecutor } from '@app/execution/testing';
import { type CommandStore, aNewCommand } from '@app/commands/testing';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { QueueLimits } from '../../application/queue-limits.js';
import { PostgresAdmission } from './postgres-admission.js';

const LOTS = 100;
const START = `UPDATE commands SET status = 'starting', lease_owner = 'older', lease_expires_at = now() WHERE id = $1`;

/** Releases from before the queue tables write only to the commands table. */
describe('next to a release without queue tables', () => {
  let test: OpenTestDatabase;
  let commands: CommandStore;
  let admission: PostgresAdmission;
  beforeEach(async () => {
    test = await openTestDatabase();
    commands = postgresCommandStore(test.database);
    admission = new PostgresAdmission(
      await test.prepared(),
      new QueueLimits({ runningPerProjectMax: LOTS, runningPerReplicaMax: LOTS, agingSeconds: 300 }),
      new FakeCommandExecutor(),
    );
  });
  afterEach(() => test.close());

  const admit = async (): Promise<string[]> => (await admission.admit('here', LOTS)).map(({ id }) => id);

  /** Queues a command the way that release does. */
  async function post(lock: string | null = null): Promise<string> {
    const { id, projectId } = aNewCommand();
    await test.database.query(
      `INSERT INTO commands (id, project_id, type, spec, labels, status, priority, lock, queue_expires_at)
       VALUES ($1, $2, 'shell', '{"work": {"type": "shell"}}', '{}', 'queued', 1, $3, now() + interval '1 hour')`,
      [id, projectId, lock],
    );
    return id;
  }

  async function enqueue(): Promise<string> {
    const command = aNewCommand();
    await commands.enqueue(command, { queuedMax: LOTS, agingSeconds: 300 });
    return command.id;
  }

  const queued = async (): Promise<string[]> =>
    (await test.database.query<{ id: string }>('SELECT command_id AS id FROM queued_commands ORDER BY 1')).map(
      ({ id }) => id,
    );

  it('admits commands queued by the older release, once and in order', async () => {
    const ids = [await post(), await enqueue(), await post(), await post('one'), await post('one')];
    expect(await queued()).toEqual([...ids].sort());
    expect((await admit()).sort()).toEqual(ids.slice(0, 4).sort());
    expect(await queued()).toEqual(ids.slice(4));
  });

  it('creates exactly one queue entry for a command that it enqueues itself', async () => {
    const id = await enqueue();
    const [row] = await test.database.query('SELECT count(*)::int, min(turn) AS turn FROM queued_commands');
    expect(row).toEqual({ count: 1, turn: 0 });
    expect(await admit()).toEqual([id]);
    expect(await queued()).toEqual([]);
  });

  it('neither counts nor admits commands that the older release has started or cancelled', async () => {
    const [started, cancelled] = [await enqueue(), await post()];
    await test.database.query(START, [started]);
    await test.database.query(`UPDATE commands SET status = 'cancelled', ended_at = now() WHERE id = $1`, [cancelled]);
    expect(await queued()).toEqual([]);
    expect(await admit()).toEqual([]);
  });

  it('leaves a command to the older release while that is starting it, and admits it if the start fails', async () => {
    const id = await enqueue();
    const { database: older } = await test.anotherReplica();
    await expect(
      older.run(async () => {
        await older.query(START, [id]);
        expect(await admit()).toEqual([]);
        throw new Error('It dies.');
      }),
    ).rejects.toThrow('It dies.');
    expect(await admit()).toEqual([id]);
  });
});
