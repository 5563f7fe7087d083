import { Deferred, InMemoryNotifier, until } from '@app/kernel/testing';
import { Logger } from '@nestjs/common';
import { InMemoryCommandRepository, aCommand } from '@app/commands/testing';
import type { CommandRunner, Run } from './command-runner.js';
import { CommandHints } from '@app/commands';
import { RunningCommands } from './running-commands.js';

/** Runs a command until it is aborted or the test ends it. */
class FakeRunner {
  readonly runs: Run[] = [];
  readonly ends = new Map<string, Deferred>();

  async run(run: Run): Promise<void> {
    this.runs.push(run);
    const end = new Deferred();
    this.ends.set(run.id, end);
    run.signal.addEventListener('abort', () => end.resolve(), { once: true });
    await end.promise;
  }
}

describe('RunningCommands', () => {
  let commands: InMemoryCommandRepository;
  let runner: FakeRunner;
  let hints: CommandHints;
  const opened: RunningCommands[] = [];

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(() => {
    jest.useFakeTimers();
    commands = new InMemoryCommandRepository();
    runner = new FakeRunner();
    hints = new CommandHints(new InMemoryNotifier());
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((running) => running.onApplicationShutdown()));
    jest.useRealTimers();
  });

  const open = (): RunningCommands => {
    const running = new RunningCommands(commands, runner as unknown as CommandRunner, hints);
    opened.push(running);
    return running;
  };
  const seed = (owner: string, leaseSeconds = 8): string => {
    const command = aCommand();
    commands.seed(command, owner, leaseSeconds);
    return command.id;
  };

  it('runs an adopted command once, until it has ended', async () => {
    const running = open();
    const id = seed(running.owner);
    running.adopt(id);
    running.adopt(id);
    expect(runner.runs).toHaveLength(1);
    expect(runner.runs[0]).toMatchObject({ id, owner: running.owner });
    expect(running.count).toBe(1);
    runner.ends.get(id)!.resolve();
    await jest.advanceTimersByTimeAsync(0);
    expect(running.count).toBe(0);
    running.adopt(id);
    expect(runner.runs).toHaveLength(2);
  });

  it('renews its leases while it runs', async () => {
    const running = open();
    running.onApplicationBootstrap();
    const id = seed(running.owner);
    running.adopt(id);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(commands.rows.get(id)!.leaseExpiresAt!).toBeGreaterThan(Date.now() + 5_000);
    expect(runner.runs).toHaveLength(1);
  });

  it('lets go of a command that another replica holds', async () => {
    const running = open();
    running.onApplicationBootstrap();
    const [lost, kept] = [seed(running.owner), seed(running.owner)];
    running.adopt(lost);
    running.adopt(kept);
    commands.change(lost, {}, { leaseOwner: 'another' });
    await jest.advanceTimersByTimeAsync(2_500);
    expect(runner.runs.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    expect(running.count).toBe(1);
  });

  it('takes over the commands of a dead replica soon after their leases expire, and not before', async () => {
    const running = open();
    running.onApplicationBootstrap();
    const id = seed('dead', 8);
    await jest.advanceTimersByTimeAsync(7_000);
    expect(runner.runs).toEqual([]);
    await jest.advanceTimersByTimeAsync(4_000);
    expect(runner.runs).toMatchObject([{ id, owner: running.owner }]);
    expect(commands.rows.get(id)!.leaseOwner).toBe(running.owner);
  });

  it('shares the commands of a dead replica with other replicas: each is run by one', async () => {
    const all = [open(), open(), open()];
    for (const running of all) running.onApplicationBootstrap();
    const ids = Array.from({ length: 20 }, () => seed('dead', 1));
    await jest.advanceTimersByTimeAsync(10_000);
    expect(runner.runs.map(({ id }) => id).sort()).toEqual([...ids].sort());
  });

  it('continues when leases cannot be renewed for a while, and shares nothing with another replica afterwards', async () => {
    const running = open();
    running.onApplicationBootstrap();
    const id = seed(running.owner);
    running.adopt(id);
    const renew = commands.renewLeases.bind(commands);
    commands.renewLeases = () => Promise.reject(new Error('away'));
    await jest.advanceTimersByTimeAsync(5_000);
    expect(runner.runs[0]!.signal.aborted).toBe(false);
    commands.renewLeases = renew;
    await jest.advanceTimersByTimeAsync(5_000);
    expect(runner.runs).toHaveLength(1);
    expect(commands.rows.get(id)!.leaseExpiresAt!).toBeGreaterThan(Date.now());
  });

  describe('cancelling', () => {
    const gracesOf = (index: number): number[] => {
      const graces: number[] = [];
      runner.runs[index]!.cancellation.onRequest((graceSeconds) => graces.push(graceSeconds));
      return graces;
    };

    it('follows a hint, and a second one with a shorter grace period', async () => {
      const running = open();
      running.onApplicationBootstrap();
      const [one, two] = [seed(running.owner), seed(running.owner)];
      running.adopt(one);
      running.adopt(two);
      const [first, second] = [gracesOf(0), gracesOf(1)];
      for (const grace of [30, 1]) {
        await commands.requestCancel(one, grace, 'why');
        hints.cancelRequested(one);
        hints.cancelRequested('cmd_unknown');
        await jest.advanceTimersByTimeAsync(0);
      }
      expect([first, second]).toEqual([[30, 1], []]);
      expect(runner.runs.map(({ signal }) => signal.aborted)).toEqual([false, false]);
    });

    it('follows the lease if the hint was lost, or went to a replica that died', async () => {
      const running = open();
      running.onApplicationBootstrap();
      const id = seed('dead', 1);
      await commands.requestCancel(id, 3, 'why');
      await jest.advanceTimersByTimeAsync(6_000);
      expect(runner.runs).toHaveLength(1);
      expect(gracesOf(0)).toEqual([3]);
    });
  });

  describe('on shutdown', () => {
    it('releases everything, so that others can take over immediately', async () => {
      const running = open();
      running.onApplicationBootstrap();
      const ids = [seed(running.owner), seed(running.owner)];
      for (const id of ids) running.adopt(id);
      await running.onApplicationShutdown();
      expect(runner.runs.every(({ signal }) => signal.aborted)).toBe(true);
      expect(running.count).toBe(0);
      expect([...(await commands.takeOver('next', 8, 10))].sort()).toEqual([...ids].sort());
    });

    it('waits for current work before releasing the leases', async () => {
      jest.useRealTimers();
      const running = open();
      const id = seed(running.owner);
      const writing = new Deferred();
      runner.run = async (run: Run) => {
        runner.runs.push(run);
        await writing.promise;
      };
      running.adopt(id);
      let done = false;
      const stopped = running.onApplicationShutdown().then(() => (done = true));
      await until(() => runner.runs[0]!.signal.aborted);
      expect(await commands.takeOver('next', 8, 10)).toEqual([]);
      expect(done).toBe(false);
      writing.resolve();
      await stopped;
      expect(await commands.takeOver('next', 8, 10)).toEqual([id]);
    });

    it('adopts nothing more, and leaves no timer', async () => {
      const running = open();
      running.onApplicationBootstrap();
      await running.onApplicationShutdown();
      running.adopt(seed(running.owner));
      seed('dead', 0);
      await jest.advanceTimersByTimeAsync(60_000);
      expect(runner.runs).toEqual([]);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('completes also while the database is unavailable', async () => {
      const running = open();
      running.adopt(seed(running.owner));
      commands.releaseLeases = () => Promise.reject(new Error('away'));
      await running.onApplicationShutdown();
    });

    it('releases what a concurrent take-over still returns', async () => {
      const running = open();
      const gate = new Deferred();
      const takeOver = commands.takeOver.bind(commands);
      const id = seed('dead', 0);
      commands.takeOver = async (...args) => {
        const ids = await takeOver(...args);
        await gate.promise;
        return ids;
      };
      running.onApplicationBootstrap();
      await jest.advanceTimersByTimeAsync(0);
      const stopped = running.onApplicationShutdown();
      gate.resolve();
      await stopped;
      await jest.advanceTimersByTimeAsync(0);
      commands.takeOver = takeOver;
      expect(await commands.takeOver('next', 8, 10)).toEqual([id]);
    });
  });
});
