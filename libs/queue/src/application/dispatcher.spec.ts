import { CommandHints, type Command, type CommandsService } from '@app/commands';
import type { RunningCommands } from '@app/execution';
import { FakeCommandExecutor } from '@app/execution/testing';
import { InMemoryCommandRepository, aNewCommand } from '@app/commands/testing';
import { Unavailable } from '@app/kernel';
import { InMemoryNotifier, until } from '@app/kernel/testing';
import { InMemoryAdmission } from '@app/queue/testing';
import { Logger } from '@nestjs/common';
import { Dispatcher } from './dispatcher.js';
import { QueueLimits } from './queue-limits.js';

const ROOM = 3;

/** Adopts commands and never ends them, unless the test does. */
class FakeRunning {
  readonly owner = 'here';
  readonly adopted: Command[] = [];
  ended = 0;
  get count(): number {
    return this.adopted.length - this.ended;
  }
  adopt(_id: string, command: Command): void {
    this.adopted.push(command);
  }
}

describe('Dispatcher', () => {
  let commands: InMemoryCommandRepository;
  let admission: InMemoryAdmission;
  let running: FakeRunning;
  let hints: CommandHints;
  let expired: string[];
  let dispatcher: Dispatcher;
  let observed: string[];

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(() => {
    commands = new InMemoryCommandRepository();
    const limits = new QueueLimits({ runningPerProjectMax: 100, runningPerReplicaMax: ROOM, agingSeconds: 300 });
    admission = new InMemoryAdmission(commands, limits, new FakeCommandExecutor());
    running = new FakeRunning();
    hints = new CommandHints(new InMemoryNotifier());
    observed = [];
    hints.observe({ admitted: ({ id }) => observed.push(id), ended: () => undefined });
    expired = [];
    const service = {
      expire: async (id: string) => {
        expired.push(id);
        commands.change(id, { status: 'expired' });
      },
    };
    dispatcher = new Dispatcher(
      admission,
      service as unknown as CommandsService,
      running as unknown as RunningCommands,
      hints,
      limits,
    );
  });
  afterEach(() => dispatcher.beforeApplicationShutdown());

  const queue = async (count: number, queueTimeoutSeconds: number | null = null): Promise<string[]> => {
    const all = Array.from({ length: count }, () => aNewCommand({ queueTimeoutSeconds }));
    for (const command of all) await commands.enqueue(command, { queuedMax: 100, agingSeconds: 300 });
    return all.map(({ id }) => id);
  };

  it('admits commands in their current state while this replica has room, and continues when one has ended', async () => {
    const ids = await queue(ROOM + 2);
    dispatcher.onApplicationBootstrap();
    await until(() => running.adopted.length === ROOM);
    expect(running.adopted.map(({ id, status }) => [id, status])).toEqual(
      ids.slice(0, ROOM).map((id) => [id, 'starting']),
    );
    expect(observed).toEqual(ids.slice(0, ROOM));
    running.ended++;
    hints.queueChanged();
    await until(() => running.adopted.length === ROOM + 1);
  });

  it('admits a queued command on the hint, without waiting for the next poll', async () => {
    // The time of the next poll does not come.
    jest.useFakeTimers();
    dispatcher.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(0);
    const [id] = await queue(1);
    hints.queueChanged();
    await jest.advanceTimersByTimeAsync(0);
    jest.useRealTimers();
    expect(running.adopted.map((command) => command.id)).toEqual([id]);
  });

  it('finds commands without a hint, also after a database outage', async () => {
    const admit = jest.spyOn(admission, 'admit').mockRejectedValueOnce(new Unavailable('It is unavailable.'));
    dispatcher.onApplicationBootstrap();
    await until(() => admit.mock.calls.length === 1);
    await queue(1);
    await until(() => running.adopted.length === 1);
  });

  it('has admitted the adopted commands even if compaction fails', async () => {
    jest.spyOn(admission, 'compact').mockRejectedValue(new Unavailable('It is unavailable.'));
    await queue(2);
    dispatcher.onApplicationBootstrap();
    await until(() => running.adopted.length === 2);
  });

  it('expires commands after their queue timeout', async () => {
    admission.closed.add('');
    const [overdue] = await queue(1, 0);
    await queue(1, 3_600);
    dispatcher.onApplicationBootstrap();
    await until(() => expired.length === 1);
    expect(expired).toEqual([overdue]);
  });

  it('admits nothing once the replica is stopping', async () => {
    dispatcher.onApplicationBootstrap();
    await dispatcher.beforeApplicationShutdown();
    await queue(1);
    const admit = jest.spyOn(admission, 'admit');
    hints.queueChanged();
    expect(admit).not.toHaveBeenCalled();
  });
});
