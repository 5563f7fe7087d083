import { postgresCommandStore } from '@app/queue/testing';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Database } from '@app/database';
import { ObservedDatabase, type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { idFloor } from '@app/kernel';
import { InMemoryNotifier, aCaller, until } from '@app/kernel/testing';
import { InMemoryOutputLedger } from '@app/output/testing';
import { InMemoryCommandRepository } from '@app/commands/testing';
import { type CommandsService, CommandHints, START } from '@app/commands';
import { OutputService } from '@app/output';
import { SharedQueuePlaces } from '../../application/shared-queue-places.js';
import { toMessages } from '@app/output';
import { PostgresPlaceRepository } from './postgres-place.repository.js';

const WAITING = 1_000;
const PROJECTS = 10;
const LOOKS = 2;
/** 10 %, plus tolerance for the delay in the test's own process. */
const SHARE_MAX = 0.15;
const BYTES_PER_STREAM_MAX = 32 * 1024;

class CountingDatabase extends Database {
  statements = 0;
  /** When each query of all places began. */
  readonly looks: number[] = [];
  busyMs = 0;

  override async query<Row>(sql: string, parameters?: readonly unknown[]): Promise<Row[]> {
    this.statements++;
    const since = performance.now();
    const rows = await super.query<Row>(sql, parameters);
    this.busyMs += performance.now() - since;
    if (rows.length === WAITING) this.looks.push(since);
    return rows;
  }
}

describe(`${WAITING} queued commands, each with a stream`, () => {
  let test: OpenTestDatabase;
  let database: CountingDatabase;
  let output: OutputService;
  let ids: string[];
  const stop = new AbortController();

  beforeAll(async () => {
    test = await openTestDatabase();
    database = new CountingDatabase(test.dataSource);
    ids = await queue();
    const hints = new CommandHints(new InMemoryNotifier());
    const places = new SharedQueuePlaces(new PostgresPlaceRepository(database, 1));
    const commands = postgresCommandStore(database);
    const service = { getSummary: (id: string) => commands.findSummary(id) } as unknown as CommandsService;
    output = new OutputService(service, new InMemoryOutputLedger(new InMemoryCommandRepository()), hints, places);
  });
  afterAll(async () => {
    stop.abort();
    await test.close();
  });

  /** Queues commands as if one after the other; returns their ids by project, in order. */
  async function queue(): Promise<string[]> {
    const time = idFloor('cmd', new Date()).slice(0, -16);
    await database.query(
      `INSERT INTO commands (id, project_id, type, spec, labels, status, priority)
       SELECT $1 || lpad(n::text, 16, '0'), 'p' || n % $3, 'shell', '{"work": {"type": "shell"}}', '{}', 'queued', 1
       FROM generate_series(1, $2) n`,
      [time, WAITING, PROJECTS],
    );
    const sql = 'SELECT command_id AS id FROM queued_commands ORDER BY project_id, command_id';
    return (await database.query<{ id: string }>(sql)).map(({ id }) => id);
  }

  function heapBytes(): number {
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    return process.memoryUsage().heapUsed;
  }

  it('have their places read by a plan without a disabled scan', async () => {
    const observed = new ObservedDatabase(await test.prepared(1));
    const queue = new PostgresPlaceRepository(observed, 1);
    expect((await queue.places(ids)).size).toBe(WAITING);
    await queue.places(ids);
    expect(observed.seen).toMatchObject([{ isDisabled: false }]);
  });

  it('are told their places with one shared query per second and little memory', async () => {
    const before = heapBytes();
    const positions = ids.map((): number[] => []);
    for (const [i, id] of ids.entries()) {
      const follow = output.follow(id, aCaller(), START, stop.signal);
      void (async () => {
        for await (const { type, data } of toMessages(follow, START, false)) {
          const { queue } = data as { queue?: { position: number } };
          // The estimate for the first command changes with time: it could have started, and has not.
          const isNews = type === 'status' && queue !== undefined && queue.position !== positions[i]!.at(-1);
          if (isNews) positions[i]!.push(queue.position);
        }
      })().catch(() => undefined);
    }
    const perProject = WAITING / PROJECTS;
    await until(() => positions.every(({ length }) => length === 1), 60_000);
    expect(positions.map(([first]) => first)).toEqual(ids.map((_, i) => (i % perProject) + 1));

    // From one query to the next, however long they take here; there are no other queries meanwhile.
    await until(() => database.looks.length > 0, 30_000);
    const { statements, busyMs } = database;
    const last = database.looks.length - 1;
    await until(() => database.looks.length > last + LOOKS, 60_000);
    const [tookMs, lookMs] = [database.looks[last + LOOKS]! - database.looks[last]!, database.busyMs - busyMs];
    expect(database.statements - statements).toBe(LOOKS);
    expect(tookMs).toBeGreaterThanOrEqual(LOOKS * 1_000 - 50);
    expect(lookMs).toBeLessThan(tookMs * SHARE_MAX);
    expect(positions.every(({ length }) => length === 1)).toBe(true);

    const perStream = (heapBytes() - before) / WAITING;
    expect(perStream).toBeLessThan(BYTES_PER_STREAM_MAX);
    process.stderr.write(
      `${WAITING} waiting streams: ${LOOKS} looks in ${Math.round(tookMs)} ms that took ${Math.round(lookMs)} ms, ` +
        `${Math.round(perStream / 1024)} KiB of heap each\n`,
    );

    // The first of one project leaves: the ones after it move up, and no other stream gets an event.
    await database.query('DELETE FROM queued_commands WHERE command_id = $1', [ids[0]]);
    await until(() => positions.slice(1, perProject).every(({ length }) => length === 2), 30_000);
    expect(positions.slice(1, perProject)).toEqual(ids.slice(1, perProject).map((_, i) => [i + 2, i + 1]));
    expect(positions.slice(perProject).every(({ length }) => length === 1)).toBe(true);
  });
});
