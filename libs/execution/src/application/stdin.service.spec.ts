import { Unavailable } from '@app/kernel';
import {
  InMemoryEventLog,
  InMemoryIdempotency,
  InMemoryNotifier,
  InMemoryTransactor,
  aCaller,
} from '@app/kernel/testing';
import type { StdinOutcome } from '@app/supervisor';
import { FakeCommandExecutor } from '@app/execution/testing';
import { InMemoryCommandRepository, aCommand } from '@app/commands/testing';
import { type Command, type CommandsService, CommandHints } from '@app/commands';
import { StdinService } from './stdin.service.js';

const PIECE = { data: Buffer.from('abc'), offset: null, eof: false };
const never = new AbortController().signal;

describe('StdinService', () => {
  let executor: FakeCommandExecutor;
  let events: InMemoryEventLog;
  let repository: InMemoryCommandRepository;
  let stdin: StdinService;
  let command: Command;

  beforeEach(() => {
    executor = new FakeCommandExecutor();
    const transactor = new InMemoryTransactor();
    events = new InMemoryEventLog(transactor);
    repository = new InMemoryCommandRepository(transactor);
    const commands = { getSummary: async () => command } as unknown as CommandsService;
    stdin = new StdinService(
      commands,
      repository,
      executor,
      new InMemoryIdempotency(transactor),
      events,
      new CommandHints(new InMemoryNotifier()),
    );
    command = open({});
    repository.seed(command);
  });

  const open = (traits: Partial<Command>): Command =>
    aCommand({ status: 'running', ...traits, spec: { ...aCommand().spec, stdin: { kind: 'open' } } });
  const write = (offset: number | null = null): Promise<number> =>
    stdin.write(command.id, { ...PIECE, offset }, aCaller(), never);
  const answering = (outcome: StdinOutcome | null): void => void (executor.onWrite = async () => outcome);

  it('records what is to be written, and returns how much was', async () => {
    answering({ kind: 'accepted', offset: 10 });
    expect(await write()).toBe(10);
    expect(events.all).toMatchObject([
      { type: 'command.stdin', outcome: 'allowed', data: { offset: null, bytes: 3, eof: false } },
    ]);
    expect((await repository.findSummary(command.id))?.stdinBytes).toBe(10);
  });

  it.each([
    ['full', 'STDIN_FULL', true],
    ['closed', 'STDIN_CLOSED', false],
    ['offset', 'STDIN_OFFSET', false],
  ] as const)('reports that stdin is %s, and the offset', async (kind, code, retryable) => {
    answering({ kind, offset: 7 });
    await expect(write(3)).rejects.toMatchObject({ code, retryable, details: { offset: 7 } });
    expect(events.all).toMatchObject([{ type: 'command.stdin', outcome: 'allowed', data: { offset: 3 } }]);
  });

  it('reports that the command has ended, whichever side knows it', async () => {
    answering(null);
    await expect(write()).rejects.toMatchObject({ code: 'COMMAND_ENDED' });
    command = open({ status: 'succeeded', stdinBytes: 10 });
    // The last piece, sent again: it had arrived.
    await expect(write(7)).rejects.toMatchObject({ code: 'COMMAND_ENDED', details: { offset: 10 } });
  });

  it('is retryable after a broken connection only if that cannot write twice', async () => {
    executor.onWrite = () => Promise.reject(new Error('reset'));
    await expect(write()).rejects.toMatchObject({ code: 'CLUSTER_UNAVAILABLE', retryable: false });
    await expect(write(0)).rejects.toMatchObject({ code: 'CLUSTER_UNAVAILABLE', retryable: true });
  });

  it('writes nothing that cannot be recorded', async () => {
    let writes = 0;
    executor.onWrite = async () => ({ kind: 'accepted', offset: ++writes });
    jest.spyOn(events, 'add').mockRejectedValue(new Unavailable('The action could not be recorded.'));
    await expect(write()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(writes).toBe(0);
  });

  it('never connects to a command whose stdin is not open', async () => {
    command = aCommand({ status: 'running' });
    executor.onWrite = () => Promise.reject(new Error('asked'));
    await expect(write()).rejects.toMatchObject({ code: 'STDIN_CLOSED', details: { offset: 0 } });
  });

  it('waits for a command that is just being started', async () => {
    answering({ kind: 'accepted', offset: 3 });
    command = open({ status: 'starting' });
    const written = write();
    command = open({});
    expect(await written).toBe(3);
  });
});
