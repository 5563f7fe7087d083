import { Unavailable } from '@app/kernel';
import { Deferred, InMemoryEventLog, InMemoryNotifier, InMemoryTransactor, until } from '@app/kernel/testing';
import { ProjectNotRunning } from '@app/projects';
import { aProject, projectsWithFakes } from '@app/projects/testing';
import type { AttachmentEnd, OutputChunk } from '@app/supervisor';
import { Backoff } from '@app/resilience';
import { Logger } from '@nestjs/common';
import { FakeCommandExecutor } from '@app/execution/testing';
import { InMemoryCommandRepository, aCommand, anExitRecord, anInstance } from '@app/commands/testing';
import { FaultyOutputLedger, InMemoryOutputLedger } from '@app/output/testing';
import { type Command, CommandHints, CommandLimits, ContainerRefused, START } from '@app/commands';
import { Cancellation } from './cancellation.js';
import { CommandPolicy } from '@app/policy';
import { CommandRunner, type Run } from './command-runner.js';

/** Short, since these tests do not depend on the delays. */
const BACKOFF = new Backoff(5, 5);
const OWNER = 'replica-a';
const out = (text: string): OutputChunk => ({ stream: 'stdout', data: Buffer.from(text) });
const err = (text: string): OutputChunk => ({ stream: 'stderr', data: Buffer.from(text) });
const dropped: AttachmentEnd = { kind: 'dropped', cause: new Error('connection reset') };
const ended = (traits: Parameters<typeof anExitRecord>[0] = {}): AttachmentEnd => ({
  kind: 'ended',
  record: anExitRecord(traits),
});

describe('CommandRunner', () => {
  let commands: InMemoryCommandRepository;
  let store: InMemoryOutputLedger;
  let ledger: FaultyOutputLedger;
  let executor: FakeCommandExecutor;
  let events: InMemoryEventLog;
  let runner: CommandRunner;
  let hinted: string[];
  let abort: AbortController;
  let cancellation: Cancellation;
  let lostAfterSeconds: number;

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(() => {
    const transactor = new InMemoryTransactor();
    commands = new InMemoryCommandRepository(transactor);
    store = new InMemoryOutputLedger(commands, transactor);
    ledger = new FaultyOutputLedger(store);
    executor = new FakeCommandExecutor();
    events = new InMemoryEventLog(transactor);
    const { service, projects } = projectsWithFakes(transactor, events);
    projects.seed(aProject({ id: 'web', env: { FROM_PROJECT: 'yes' } }));
    const notifier = new InMemoryNotifier();
    hinted = [];
    notifier.subscribe('queue', () => hinted.push('queue'));
    lostAfterSeconds = 600;
    const limits = Object.defineProperty(
      new CommandLimits({
        queuedPerProjectMax: 10,
        agingSeconds: 300,
        outputBytesDefault: 100,
        outputBytesMax: 100,
        lostAfterSeconds: 600,
      }),
      'lostAfterSeconds',
      {
        get: () => lostAfterSeconds,
      },
    );
    const hints = new CommandHints(notifier);
    runner = new CommandRunner(
      commands,
      commands,
      ledger,
      executor,
      service,
      transactor,
      events,
      hints,
      limits,
      new CommandPolicy(),
      BACKOFF,
    );
    abort = new AbortController();
    cancellation = new Cancellation();
  });
  afterEach(() => abort.abort());

  const run = (id: string): Promise<void> => runner.run({ id, owner: OWNER, signal: abort.signal, cancellation });
  const admitted = (traits: Partial<Command> = {}): string => {
    const command = aCommand({ status: 'starting', instance: null, startedAt: null, ...traits });
    commands.seed(command, OWNER);
    return command.id;
  };
  const found = async (id: string): Promise<Command> => (await commands.findById(id))!;
  const text = (id: string): string[] => [store.bytes(id, 'stdout').toString(), store.bytes(id, 'stderr').toString()];

  it('binds a command to the container that it names', async () => {
    executor.onLocate = async (_projectId, container) => anInstance({ container });
    executor.scenes = [{ end: ended() }];
    const outline = { ...aCommand().outline, container: 'db' };
    const id = admitted({ outline });
    await run(id);
    expect((await found(id)).instance).toMatchObject({ container: 'db' });
    expect(executor.opened[0]!.instance).toMatchObject({ container: 'db' });
  });

  it('ends a command whose container takes none, with an explanation', async () => {
    executor.onLocate = () => Promise.reject(new ContainerRefused('It has no container "db".'));
    const id = admitted();
    await run(id);
    expect(await found(id)).toMatchObject({
      status: 'failed',
      result: { reason: 'start_failed', detail: 'It has no container "db".' },
    });
  });

  it('ends a command that is far past its time limit if its supervisor does not', async () => {
    const realTime = ['setImmediate', 'setInterval', 'performance', 'nextTick', 'Date', 'queueMicrotask'] as const;
    jest.useFakeTimers({ doNotFake: [...realTime] });
    try {
      executor.scenes = [{}];
      const id = admitted();
      const running = run(id);
      while (executor.opened.length === 0) await new Promise((resolve) => setImmediate(resolve));
      jest.advanceTimersByTime((await found(id)).spec.timeoutSeconds * 1000);
      expect(executor.cancelled).toEqual([]);
      jest.advanceTimersByTime(60_000);
      expect(executor.cancelled).toEqual([{ commandId: id, graceSeconds: 0 }]);
      abort.abort();
      await running;
    } finally {
      jest.useRealTimers();
    }
  });

  describe('runs a command to its end', () => {
    it('binds and starts it, stores its output and result, and acknowledges them', async () => {
      executor.scenes = [{ chunks: [out('hi'), err('!')], end: ended({ produced: { stdout: 2, stderr: 1 } }) }];
      const id = admitted();
      await run(id);
      expect(await found(id)).toMatchObject({
        status: 'succeeded',
        instance: executor.instance,
        position: { stdout: 2, stderr: 1 },
        result: { exitCode: 0, reason: 'exited', stdoutBytes: 2, stderrBytes: 1, truncated: false },
      });
      expect(text(id)).toEqual(['hi', '!']);
      expect(executor.opened).toMatchObject([{ how: 'start', from: START, acknowledged: true }]);
      expect(events.types).toEqual(['command.started', 'command.ended']);
      expect(events.all[1]).toMatchObject({ target: id, projectId: 'web', outcome: 'succeeded' });
      expect(hinted).toContain('queue');
    });

    it('starts a newly admitted and bound command without reading or binding it, and reads it before a retry', async () => {
      const instance = anInstance({ id: 'another-pod' });
      const id = admitted({ instance });
      const { spec, ...summary } = await found(id);
      const command = { ...summary, startup: { spec, environment: { FROM_PROJECT: 'then' } } };
      const [find, bind] = [jest.spyOn(commands, 'findSummary'), jest.spyOn(commands, 'bind')];
      const looks: number[] = [];
      executor.scenes = [
        () => {
          looks.push(find.mock.calls.length);
          throw new Unavailable('The database does not answer.');
        },
        () => {
          looks.push(find.mock.calls.length);
          return { end: ended() };
        },
      ];
      await runner.run({ id, command, owner: OWNER, signal: abort.signal, cancellation });
      expect(looks).toEqual([0, 1]);
      expect(executor.opened.at(-1)!.request).toMatchObject({ env: { FROM_PROJECT: 'then' } });
      expect(bind).not.toHaveBeenCalled();
      expect(await found(id)).toMatchObject({ status: 'succeeded', instance });
    });

    it("sends the supervisor everything requested, with the project's variables", async () => {
      executor.scenes = [{ end: ended() }];
      const id = admitted({ traceparent: '00-x' });
      await run(id);
      expect(executor.opened[0]!.request).toMatchObject({
        commandId: id,
        program: { script: 'echo hello' },
        fallbackCwd: '/workspace',
        env: { FROM_PROJECT: 'yes', TRACEPARENT: '00-x', RDEV_PROJECT_ID: 'web', CI: '1' },
      });
    });

    it('acknowledges only after the ending is committed', async () => {
      executor.scenes = [{ end: ended() }];
      const id = admitted();
      const end = commands.end.bind(commands);
      let acknowledgedBefore: boolean | undefined;
      commands.end = async (...args) => {
        acknowledgedBefore = executor.opened[0]!.acknowledged;
        return end(...args);
      };
      await run(id);
      expect(acknowledgedBefore).toBe(false);
      expect(executor.opened[0]!.acknowledged).toBe(true);
    });

    it('declares missing what the supervisor counted but did not keep', async () => {
      const record = { produced: { stdout: 10, stderr: 0 }, stored: { stdout: 3, stderr: 0 } };
      executor.scenes = [{ chunks: [out('abc')], end: ended(record) }];
      const id = admitted({ spec: { ...aCommand().spec, outputBytesMax: 3 } });
      await run(id);
      expect(await found(id)).toMatchObject({
        status: 'succeeded',
        position: { stdout: 10, stderr: 0 },
        result: { truncated: true, stdoutBytes: 10 },
      });
      expect(await store.gaps(id, 'stdout', 0)).toMatchObject([{ offset: 3, length: 7, reason: 'output_limit' }]);
    });

    it('declares missing bytes together with the ending, or not at all', async () => {
      const record = { produced: { stdout: 10, stderr: 0 }, stored: { stdout: 3, stderr: 0 } };
      executor.scenes = [
        { chunks: [out('abc')], end: ended(record) },
        ({ stdout }) => ({ opened: 'taken', chunks: stdout === 3 ? [] : [out('?')], end: ended(record) }),
      ];
      const id = admitted({ spec: { ...aCommand().spec, outputBytesMax: 3 } });
      const end = commands.end.bind(commands);
      commands.end = () => {
        commands.end = end;
        return Promise.reject(new Unavailable('away'));
      };
      await run(id);
      // Had the gap been stored alone, the spool would seem too short.
      expect(executor.opened.map(({ from }) => from.stdout)).toEqual([0, 3]);
      expect(await found(id)).toMatchObject({ status: 'succeeded', position: { stdout: 10, stderr: 0 } });
      expect(await store.gaps(id, 'stdout', 0)).toHaveLength(1);
    });

    it('ignores a command that has ended or does not exist', async () => {
      const command = aCommand({ status: 'failed', result: null });
      commands.seed(command);
      await run(command.id);
      await run('cmd_none');
      expect(executor.opened).toEqual([]);
    });
  });

  describe('never reports success unless all bytes are present', () => {
    it.each([
      [
        'fewer were delivered than the record says',
        { produced: { stdout: 5, stderr: 0 }, stored: { stdout: 5, stderr: 0 } },
      ],
      [
        'more were delivered than the record says',
        { produced: { stdout: 1, stderr: 0 }, stored: { stdout: 1, stderr: 0 } },
      ],
      [
        'bytes of the other stream are missing',
        { produced: { stdout: 3, stderr: 2 }, stored: { stdout: 3, stderr: 2 } },
      ],
      [
        'the spool contains less than the record says',
        { produced: { stdout: 9, stderr: 0 }, stored: { stdout: 7, stderr: 0 } },
      ],
    ])('%s', async (_case, counts) => {
      executor.scenes = [{ chunks: [out('abc')], end: ended(counts) }];
      const id = admitted();
      await run(id);
      const { status, result } = await found(id);
      expect([status, result!.reason]).toEqual(['lost', 'unknown']);
      expect(result!.detail).toMatch(/3 stdout and 0 stderr/);
    });
  });

  describe('with a connection that breaks', () => {
    it('attaches again at the stored position, without starting anything again', async () => {
      executor.scenes = [
        { chunks: [out('one ')], end: dropped },
        { opened: 'taken', chunks: [out('two '), err('e')], end: dropped },
        { opened: 'taken', chunks: [out('three')], end: ended({ produced: { stdout: 13, stderr: 1 } }) },
      ];
      const id = admitted();
      await run(id);
      expect(executor.opened.map(({ how, from }) => [how, from])).toEqual([
        ['start', START],
        ['attach', { stdout: 4, stderr: 0 }],
        ['attach', { stdout: 8, stderr: 1 }],
      ]);
      expect(text(id)).toEqual(['one two three', 'e']);
      expect((await found(id)).status).toBe('succeeded');
      expect(events.types).toEqual(['command.started', 'command.ended']);
    });

    it('retries a start without a response: the claim decides', async () => {
      executor.scenes = [
        { opened: null, end: dropped },
        { opened: 'taken', end: ended() },
      ];
      const id = admitted();
      await run(id);
      expect(executor.opened.map(({ how }) => how)).toEqual(['start', 'start']);
      expect((await found(id)).status).toBe('succeeded');
    });

    it('never takes broken connections for an ending, however many', async () => {
      let wires = 0;
      executor.scenes = [
        () => {
          wires++;
          return {
            opened: 'taken',
            chunks: [out('x')],
            end: wires < 10 ? dropped : ended({ produced: { stdout: 10, stderr: 0 } }),
          };
        },
      ];
      const id = admitted();
      await run(id);
      expect((await found(id)).status).toBe('succeeded');
      expect(text(id)[0]).toBe('x'.repeat(10));
    });
  });

  describe('takes over a running command', () => {
    it('by attaching to its bound instance where its output ends', async () => {
      const instance = anInstance({ pod: 'web-0' });
      const id = admitted({ status: 'running', instance, position: { stdout: 7, stderr: 2 } });
      executor.scenes = [{ opened: 'taken', chunks: [out('x')], end: ended({ produced: { stdout: 8, stderr: 2 } }) }];
      await run(id);
      expect(executor.opened).toMatchObject([{ how: 'attach', instance, from: { stdout: 7, stderr: 2 } }]);
      expect((await found(id)).status).toBe('succeeded');
      expect(events.types).toEqual(['command.ended']);
    });

    it('by claiming it on its bound instance if it was possibly never started', async () => {
      const instance = anInstance();
      const id = admitted({ instance });
      executor.onLocate = () => Promise.reject(new Error('is not asked'));
      executor.scenes = [{ opened: 'taken', end: ended() }];
      await run(id);
      expect(executor.opened).toMatchObject([{ how: 'start', instance }]);
      expect((await found(id)).status).toBe('succeeded');
    });
  });

  describe('with nothing left to attach to', () => {
    it('reports the command lost once the supervisor is proved dead', async () => {
      const end = { kind: 'supervisor-gone', detail: 'no such process' } as const;
      executor.scenes = [{ chunks: [out('half')], end }, { end }];
      const id = admitted();
      await run(id);
      expect(await found(id)).toMatchObject({
        status: 'lost',
        result: { reason: 'unknown', detail: 'no such process', exitCode: null, stdoutBytes: 4 },
      });
      expect(executor.opened.some(({ acknowledged }) => acknowledged)).toBe(false);
    }, 30_000);

    it('reports the reason that is observed shortly after the supervisor died', async () => {
      executor.scenes = [{ end: { kind: 'supervisor-gone', detail: 'no such process' } }];
      executor.state = () =>
        executor.opened.length < 3
          ? { kind: 'present' }
          : { kind: 'gone', reason: 'oom_killed', detail: 'seen by the informer' };
      const id = admitted();
      await run(id);
      expect(await found(id)).toMatchObject({ status: 'lost', result: { reason: 'oom_killed' } });
    });

    it.each(['pod_lost', 'container_restarted', 'oom_killed', 'evicted'] as const)(
      'reports the command lost with the observed reason %s, even if only the connection broke',
      async (reason) => {
        executor.scenes = [{ chunks: [out('half')], end: dropped }];
        executor.state = { kind: 'gone', reason, detail: 'seen by the informer' };
        const id = admitted();
        await run(id);
        expect(await found(id)).toMatchObject({ status: 'lost', result: { reason, detail: 'seen by the informer' } });
        expect(text(id)[0]).toBe('half');
        expect(events.all.at(-1)).toMatchObject({ type: 'command.ended', outcome: 'failed' });
      },
    );

    it('reports the command lost if the spool is shorter than the stored output', async () => {
      const id = admitted({ status: 'running', instance: anInstance(), position: { stdout: 9, stderr: 0 } });
      executor.scenes = [{ opened: null, end: { kind: 'spool-short', spool: { stdout: 3, stderr: 0 } } }];
      await run(id);
      // The rest of the spool was written later, at an unknown position.
      expect(await store.gaps(id, 'stdout', 0)).toMatchObject([{ offset: 9, length: 3, reason: 'spool_short' }]);
      const { status, result } = await found(id);
      expect({ status, ...result }).toMatchObject({ status: 'lost', stdoutBytes: 12, stderrBytes: 0 });
    }, 30_000);

    it('reports the command lost if its exit record cannot be right, and not by attaching as fast as it can', async () => {
      executor.scenes = [{ end: { kind: 'record-unusable', detail: '3 bytes of stdout arrived' } }];
      const id = admitted();
      await run(id);
      const { status, result } = await found(id);
      expect({ status, ...result }).toMatchObject({ status: 'lost', detail: '3 bytes of stdout arrived' });
      expect(executor.opened).toHaveLength(6);
    }, 30_000);

    it.each(['supervisor-gone', 'record-unusable', 'absent', 'spool-short'] as const)(
      'leaves nothing running: %s',
      async (kind) => {
        const id = admitted({ status: 'running', instance: anInstance(), position: { stdout: 9, stderr: 0 } });
        executor.scenes = [{ opened: null, end: { kind, detail: 'x', spool: START } }];
        executor.onCancel = async () => ({ killVerified: true, survivors: 0, isMarked: true });
        await run(id);
        expect(executor.cancelled).toEqual([{ commandId: id, graceSeconds: 0 }]);
        expect(await found(id)).toMatchObject({ status: 'lost', result: { killVerified: true, survivors: 0 } });
      },
      30_000,
    );

    it('does not kill where it cannot connect', async () => {
      lostAfterSeconds = 0;
      executor.scenes = [{ opened: null, end: dropped }];
      const id = admitted({ status: 'running', instance: anInstance() });
      await run(id);
      expect((await found(id)).status).toBe('lost');
      expect(executor.cancelled).toEqual([]);
    });

    it('checks several times before reporting that a supervisor never existed', async () => {
      const id = admitted({ status: 'running', instance: anInstance() });
      executor.scenes = [{ opened: null, end: { kind: 'absent' } }];
      await run(id);
      expect(executor.opened.length).toBeGreaterThanOrEqual(3);
      expect(await found(id)).toMatchObject({ status: 'lost', result: { reason: 'unknown' } });
    }, 30_000);

    it('accepts a supervisor that appears late', async () => {
      const id = admitted({ status: 'running', instance: anInstance() });
      const absent = { opened: null, end: { kind: 'absent' } } as const;
      executor.scenes = [absent, absent, { opened: 'taken', end: ended() }];
      await run(id);
      expect((await found(id)).status).toBe('succeeded');
    });
  });

  describe('while the node does not respond', () => {
    it('records since when, without an ending, and continues when it responds', async () => {
      let reachable = false;
      executor.state = () => (reachable ? { kind: 'present' } : { kind: 'unreachable', detail: 'node lost' });
      executor.scenes = [() => (reachable ? { opened: 'taken', end: ended() } : { opened: null, end: dropped })];
      const id = admitted({ status: 'running', instance: anInstance() });
      const running = run(id);
      await until(async () => (await found(id)).unreachableSince !== null && executor.opened.length > 2);
      expect((await found(id)).status).toBe('running');
      reachable = true;
      await running;
      expect(await found(id)).toMatchObject({ status: 'succeeded', unreachableSince: null });
    });

    it('accepts neither a dead nor a missing supervisor as an ending, since that cannot be known', async () => {
      executor.state = { kind: 'unreachable', detail: 'node lost' };
      executor.scenes = [{ opened: null, end: { kind: 'supervisor-gone', detail: 'x' } }];
      const id = admitted({ status: 'running', instance: anInstance() });
      const running = run(id);
      await until(() => executor.opened.length > 2);
      expect((await found(id)).status).toBe('running');
      abort.abort();
      await running;
      expect((await found(id)).status).toBe('running');
    });

    it('also counts as unreachable if nothing responds although the instance is listed, until an attachment opens', async () => {
      const gate = new Deferred();
      const broken = { opened: null, end: dropped } as const;
      const waiting = async function* (): AsyncGenerator<OutputChunk> {
        await gate.promise;
      };
      executor.scenes = [broken, broken, broken, { opened: 'taken', chunks: waiting(), end: ended() }];
      const id = admitted({ status: 'running', instance: anInstance() });
      const running = run(id);
      await until(async () => (await found(id)).unreachableSince !== null);
      await until(async () => (await found(id)).unreachableSince === null);
      expect((await found(id)).status).toBe('running');
      gate.resolve();
      await running;
      expect((await found(id)).status).toBe('succeeded');
    });

    it('does not count as unreachable when a connection breaks that had responded', async () => {
      executor.scenes = [{ opened: 'taken', end: dropped }];
      const id = admitted({ status: 'running', instance: anInstance() });
      const running = run(id);
      await until(() => executor.opened.length > 3);
      expect((await found(id)).unreachableSince).toBeNull();
      abort.abort();
      await running;
    });

    it.each([
      ['the node is lost', { kind: 'unreachable', detail: 'node lost' }, 'For 0 s: node lost connection reset'],
      [
        'nothing responds',
        { kind: 'present' },
        'For 0 s: The place where the command runs does not respond. connection reset',
      ],
    ] as const)('reports the command lost after the timeout: %s', async (_case, state, detail) => {
      lostAfterSeconds = 0;
      executor.state = state;
      executor.scenes = [{ opened: null, end: dropped }];
      const id = admitted({ status: 'running', instance: anInstance() });
      await run(id);
      expect(await found(id)).toMatchObject({ status: 'lost', result: { reason: 'unknown', detail } });
    });
  });

  describe('lets go', () => {
    it.each([
      ['before it is bound', { instance: null }],
      ['after it was bound', {}],
    ])('of a command whose lease it has lost %s, and changes nothing', async (_case, traits) => {
      executor.scenes = [{ chunks: [out('zombie')], end: ended({ produced: { stdout: 6, stderr: 0 } }) }];
      const id = admitted({ status: 'starting', instance: anInstance(), ...traits });
      commands.change(id, {}, { leaseOwner: 'replica-b' });
      const before = await found(id);
      await run(id);
      expect(await found(id)).toEqual(before);
      expect(text(id)).toEqual(['', '']);
      expect(events.types).toEqual([]);
    });

    it('of a command whose lease it loses while streaming', async () => {
      const gate = new Deferred();
      async function* chunks(): AsyncGenerator<OutputChunk> {
        yield out('mine ');
        await gate.promise;
        yield out('not mine');
      }
      executor.scenes = [{ chunks: chunks(), end: ended({ produced: { stdout: 13, stderr: 0 } }) }];
      const id = admitted();
      const running = run(id);
      await until(() => text(id)[0] === 'mine ');
      commands.change(id, {}, { leaseOwner: 'replica-b' });
      gate.resolve();
      await running;
      expect(text(id)[0]).toBe('mine ');
      expect(await found(id)).toMatchObject({ status: 'running', result: null });
      expect(executor.opened).toMatchObject([{ closed: true, acknowledged: false }]);
    });

    it('of a command immediately on request, without an ending', async () => {
      executor.scenes = [{ chunks: [out('x')] }];
      const id = admitted();
      const running = run(id);
      await until(() => text(id)[0] === 'x');
      abort.abort();
      await running;
      expect(await found(id)).toMatchObject({ status: 'running', result: null });
      expect(executor.opened).toHaveLength(1);
    });

    it('of a command that is waiting to be attached again', async () => {
      executor.scenes = [{ opened: null, end: dropped }];
      const id = admitted();
      const running = run(id);
      await until(() => executor.opened.length > 3);
      abort.abort();
      await running;
      const { length } = executor.opened;
      await new Promise((resolve) => setImmediate(resolve));
      expect(executor.opened).toHaveLength(length);
    });
  });

  describe('if the command cannot start', () => {
    it('reports why a project takes no commands, and starts nothing', async () => {
      executor.onLocate = () => Promise.reject(new ProjectNotRunning('web', 'stopped', 'it has no pod'));
      const id = admitted();
      await run(id);
      expect(await found(id)).toMatchObject({
        status: 'failed',
        startedAt: null,
        result: { reason: 'start_failed', exitCode: null, detail: expect.stringContaining('it has no pod') },
      });
      expect(executor.opened).toEqual([]);
      expect(events.types).toEqual(['command.ended']);
    });

    it('waits while the cluster is unavailable', async () => {
      let tries = 0;
      executor.onLocate = () =>
        ++tries < 3 ? Promise.reject(new Unavailable('no answer')) : Promise.resolve(executor.instance);
      executor.scenes = [{ end: ended() }];
      const id = admitted();
      await run(id);
      expect((await found(id)).status).toBe('succeeded');
    });

    it('reports what the environment lacks', async () => {
      executor.scenes = [{ opened: null, end: { kind: 'unsupported', detail: 'there is no setsid' } }];
      const id = admitted();
      await run(id);
      expect(await found(id)).toMatchObject({
        status: 'failed',
        result: { reason: 'start_failed', detail: 'there is no setsid' },
      });
    });

    describe('because the runtime refuses it', () => {
      const refused: AttachmentEnd = { kind: 'refused', detail: 'exec: "sh": executable file not found in $PATH' };
      const justAdmitted = async (): Promise<Run> => {
        const id = admitted();
        const { spec, ...summary } = await found(id);
        const command = { ...summary, startup: { spec, environment: {} } };
        return { id, command, owner: OWNER, signal: abort.signal, cancellation };
      };

      it("fails with the runtime's message on the first response", async () => {
        executor.scenes = [{ opened: null, end: refused }];
        const first = await justAdmitted();
        await runner.run(first);
        expect(executor.opened).toHaveLength(1);
        expect(await found(first.id)).toMatchObject({
          status: 'failed',
          startedAt: null,
          result: { reason: 'start_failed', detail: refused.detail },
        });
      });

      it('is not taken as proof if an earlier attempt may have started it, but keeps the message', async () => {
        lostAfterSeconds = 0;
        executor.scenes = [{ opened: null, end: refused }];
        const takenOver = admitted({ instance: anInstance() });
        await run(takenOver);
        expect(await found(takenOver)).toMatchObject({
          status: 'lost',
          result: { detail: expect.stringContaining('executable file not found') },
        });

        lostAfterSeconds = 600;
        executor.opened.length = 0;
        executor.scenes = [{ opened: null, end: dropped }, { opened: null, end: refused }, { end: ended() }];
        const first = await justAdmitted();
        await runner.run(first);
        expect(await found(first.id)).toMatchObject({ status: 'succeeded' });
      });
    });

    it('accepts the record of a program that could not be started', async () => {
      const record = { reason: 'start_failed', exitCode: null, detail: 'no such directory' } as const;
      executor.scenes = [{ end: ended(record) }];
      const id = admitted();
      await run(id);
      expect(await found(id)).toMatchObject({ status: 'failed', result: { reason: 'start_failed' } });
    });
  });

  describe('with a database that becomes unavailable', () => {
    it('continues after an outage at the end, and ends once', async () => {
      executor.scenes = [
        { opened: 'taken', chunks: [out('x')], end: ended({ produced: { stdout: 1, stderr: 0 } }) },
        { opened: 'taken', end: ended({ produced: { stdout: 1, stderr: 0 } }) },
      ];
      const end = commands.end.bind(commands);
      let tries = 0;
      commands.end = (...args) => (++tries === 1 ? Promise.reject(new Unavailable('away')) : end(...args));
      const id = admitted();
      await run(id);
      expect((await found(id)).status).toBe('succeeded');
      expect(events.types.filter((type) => type === 'command.ended')).toHaveLength(1);
      expect(text(id)[0]).toBe('x');
    });

    it('detects an ending that was committed without a response', async () => {
      executor.scenes = [{ end: ended() }];
      const end = commands.end.bind(commands);
      commands.end = async (...args) => {
        await end(...args);
        commands.end = end;
        throw new Unavailable('away');
      };
      // The commit succeeds, but the response is lost.
      const id = admitted();
      await run(id);
      expect((await found(id)).status).toBe('succeeded');
    });

    it('stores each byte once, for whatever reason appends fail', async () => {
      const bytes = 'abcdefghijklmnopqrstuvwxyz';
      executor.scenes = [
        (from) => ({
          opened: 'taken',
          chunks: Array.from(bytes.slice(from.stdout), out),
          end: ended({ produced: { stdout: 26, stderr: 0 } }),
        }),
      ];
      ledger.before = (attempt) => {
        if (attempt === 1) throw new Error('canceling statement due to statement timeout');
      };
      ledger.after = (attempt) => {
        if (attempt === 3) throw new Error('what the database never says');
      };
      const id = admitted();
      await run(id);
      expect(text(id)[0]).toBe(bytes);
      expect((await found(id)).status).toBe('succeeded');
    });
  });

  describe('cancels', () => {
    it('by killing the process tree after the requested grace period; the record says how it ended', async () => {
      const killed = new Deferred();
      executor.onCancel = async () => {
        killed.resolve();
        return { killVerified: true, survivors: 0, isMarked: true };
      };
      async function* chunks(): AsyncGenerator<OutputChunk> {
        await killed.promise;
      }
      const kill = { killVerified: true, survivors: 0, isMarked: true };
      executor.scenes = [
        { chunks: chunks(), end: ended({ reason: 'cancelled', exitCode: null, signal: 'SIGTERM', kill }) },
      ];
      const id = admitted();
      const running = run(id);
      await until(() => executor.opened.length === 1);
      cancellation.request(7);
      await running;
      expect(executor.cancelled[0]).toEqual({ commandId: id, graceSeconds: 7 });
      expect(await found(id)).toMatchObject({
        status: 'cancelled',
        result: { reason: 'cancelled', killVerified: true },
      });
    });

    it('and retries if the kill did not get through', async () => {
      const killed = new Deferred();
      let tries = 0;
      executor.onCancel = async () => {
        if (++tries < 3) throw new Error('connection reset');
        killed.resolve();
        return null;
      };
      async function* chunks(): AsyncGenerator<OutputChunk> {
        await killed.promise;
      }
      executor.scenes = [{ chunks: chunks(), end: ended({ reason: 'cancelled', exitCode: null, signal: 'SIGKILL' }) }];
      const id = admitted();
      cancellation.request(0);
      await run(id);
      expect((await found(id)).status).toBe('cancelled');
    });

    it('and leaves an earlier ending unchanged', async () => {
      executor.scenes = [{ end: ended() }];
      const id = admitted();
      cancellation.request(0);
      await run(id);
      expect((await found(id)).status).toBe('succeeded');
    });
  });
});
