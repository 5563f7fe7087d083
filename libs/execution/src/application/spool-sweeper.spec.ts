import { InMemoryEventLog, InMemoryTransactor } from '@app/kernel/testing';
import { Logger } from '@nestjs/common';
import { aProject, projectsWithFakes } from '@app/projects/testing';
import { FakeCommandExecutor } from '@app/execution/testing';
import { InMemoryCommandRepository, aCommand, anInstance } from '@app/commands/testing';
import { SpoolSweeper } from './spool-sweeper.js';

describe('SpoolSweeper', () => {
  let executor: FakeCommandExecutor;
  let commands: InMemoryCommandRepository;
  let sweeper: SpoolSweeper;

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(() => {
    const transactor = new InMemoryTransactor();
    const { service, projects } = projectsWithFakes(transactor, new InMemoryEventLog(transactor));
    projects.seed(aProject({ id: 'web' }));
    executor = new FakeCommandExecutor();
    commands = new InMemoryCommandRepository(transactor);
    sweeper = new SpoolSweeper(service, executor, commands);
  });

  it('ends lost commands that still run, and no others', async () => {
    const [lost, running] = [aCommand({ status: 'lost' }), aCommand({ status: 'running' })];
    for (const command of [lost, running]) commands.seed(command);
    executor.running = [running.id, 'cmd_of_another_installation', lost.id];
    await sweeper.sweep();
    expect(executor.cancelled).toEqual([{ commandId: lost.id, graceSeconds: 0 }]);
  });

  it('sweeps each container that commands can have run in', async () => {
    executor.others = [anInstance({ container: 'db' })];
    await sweeper.sweep();
    expect(executor.swept).toEqual([executor.instance, ...executor.others]);
  });

  it('continues with the next project if one is unreachable', async () => {
    executor.onLocate = () => Promise.reject(new Error('away'));
    await expect(sweeper.sweep()).resolves.toBeUndefined();
  });
});
