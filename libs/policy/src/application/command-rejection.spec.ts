import {
  FakeAuditDigest,
  FakeClock,
  InMemoryEventLog,
  InMemoryIdempotency,
  InMemoryTransactor,
  aCaller,
} from '@app/kernel/testing';
import { type Callbacks, NotFound, Unavailable, runInRequest } from '@app/kernel';
import { aProject, projectsWithFakes } from '@app/projects/testing';
import { InMemoryCommandRepository } from '@app/commands/testing';
import {
  type Work,
  CommandRejected,
  type CommandRequest,
  CommandsService,
  type CommandHints,
  CommandLimits,
} from '@app/commands';
import { CommandPolicy, type PolicyRule } from '../domain/command-policy.js';
import { CommandCheck } from './command-check.js';

const LIMITS = new CommandLimits({
  queuedPerProjectMax: 1,
  agingSeconds: 300,
  outputBytesDefault: 100,
  outputBytesMax: 1_000,
  lostAfterSeconds: 60,
});
const DENY_RM: PolicyRule = {
  action: 'deny',
  types: null,
  projects: null,
  keys: null,
  containers: null,
  programs: ['rm'],
  argv: null,
  scripts: null,
  env: null,
  reason: 'no rm here',
};
const CALLBACKS: Callbacks = { assertAllowed: () => undefined, register: () => Promise.resolve() };
const hints = { queueChanged: () => undefined } as unknown as CommandHints;

function request(work: Work, traits: Partial<CommandRequest['spec']> = {}): CommandRequest {
  const spec = {
    work,
    cwd: null,
    container: null,
    env: {},
    stdin: { kind: 'none' as const },
    timeoutSeconds: 1,
    noOutputTimeoutSeconds: null,
    outputBytesMax: null,
    keepBackground: false,
    ...traits,
  };
  return {
    spec,
    labels: {},
    priority: 'normal',
    lock: null,
    queueTimeoutSeconds: null,
    traceparent: null,
    callbackUrl: null,
  };
}

const rm = request({ type: 'exec', argv: ['rm', 'SECRET'] });
const ls = request({ type: 'exec', argv: ['ls'] });

describe('a command that the policy refuses', () => {
  const caller = aCaller();
  const transactor = new InMemoryTransactor();
  const events = new InMemoryEventLog(transactor);
  const { service: projects, projects: stored, runtime } = projectsWithFakes(transactor, events);
  const idempotency = new InMemoryIdempotency(transactor);
  let commands: InMemoryCommandRepository;

  const serviceWith = (...rules: PolicyRule[]): { service: CommandsService; check: CommandCheck } => {
    const policy = new CommandPolicy(rules);
    return {
      service: new CommandsService(
        commands,
        commands,
        projects,
        transactor,
        idempotency,
        events,
        hints,
        LIMITS,
        policy,
        CALLBACKS,
        new FakeAuditDigest(),
        new FakeClock(),
      ),
      check: new CommandCheck(policy, projects, commands, LIMITS, idempotency, CALLBACKS),
    };
  };
  const recorded = async (from: number) =>
    (await events.readAfter(from, 10)).map(({ type, outcome }) => [type, outcome]);

  beforeEach(() => {
    commands = new InMemoryCommandRepository(transactor);
    runtime.outage = null;
    runtime.hasContainers = true;
    stored.seed(aProject({ id: 'web', status: 'running' }));
  });

  it('is not created; the attempt is recorded, without the command', async () => {
    const from = await events.lastSeq();
    const { service } = serviceWith(DENY_RM);
    await expect(service.create('web', rm, caller)).rejects.toThrow(
      new CommandRejected({ by: 'policy', rule: 1, reason: 'no rm here' }),
    );
    expect(commands.rows.size).toBe(0);
    expect(await recorded(from)).toEqual([['command.rejected', 'denied']]);
    expect(JSON.stringify(await events.readAfter(from, 10))).not.toContain('SECRET');
    const digest = new FakeAuditDigest().digest('{"argv":["rm","SECRET"],"type":"exec"}');
    expect(events.all.at(-1)).toMatchObject({ details: { argv: ['rm', 'SECRET'], env: [], digest } });
    await service.create('web', ls, caller);
    expect(commands.rows.size).toBe(1);
  });

  it('is not evaluated if the caller cannot see the project', async () => {
    const from = await events.lastSeq();
    const { service, check } = serviceWith(DENY_RM);
    const outsider = aCaller({ projects: ['api'] });
    await expect(service.create('web', rm, outsider)).rejects.toThrow(NotFound);
    await expect(check.forecast('web', rm, outsider)).rejects.toThrow(NotFound);
    expect(await recorded(from)).toEqual([]);
  });

  it('is returned by a replay if it was created before the policy changed', async () => {
    const idempotent = { route: 'POST /x', key: 'k', fingerprint: Buffer.from('f') };
    const actor = { keyId: caller.keyId, ip: null, userAgent: null, requestId: 'r' };
    const create = (...rules: PolicyRule[]) =>
      runInRequest({ requestId: 'r', actor, idempotency: idempotent }, () =>
        serviceWith(...rules).service.create('web', rm, caller),
      );
    const { id } = await create();
    expect((await create(DENY_RM)).id).toBe(id);
  });

  it('is predicted by a check, which creates and records nothing', async () => {
    const from = await events.lastSeq();
    const { check, service } = serviceWith(DENY_RM);
    const codes = async (asked: CommandRequest) => {
      const { reasons } = await check.forecast('web', asked, caller);
      return reasons.map(({ code }) => code);
    };
    expect(await codes(ls)).toEqual([]);
    expect(await codes(rm)).toEqual(['COMMAND_REJECTED']);
    expect(await codes(request({ type: 'git', args: ['fetch', '--upload-pack=x'] }))).toEqual(['COMMAND_REJECTED']);
    expect(await codes(request({ type: 'git', args: ['fetch'] }, { env: { GIT_SSH: 'x' } }))).toEqual([
      'COMMAND_REJECTED',
    ]);
    expect([commands.rows.size, await recorded(from)]).toEqual([0, []]);
    await service.create('web', ls, caller);
    stored.seed(aProject({ id: 'web', status: 'stopped', wakeOnCommand: true }));
    expect(await codes(ls)).toEqual(['QUEUE_FULL']);
    stored.seed(aProject({ id: 'web', status: 'stopped', wakeOnCommand: false }));
    runtime.outage = new Unavailable('no answer');
    expect(await codes(request({ type: 'exec', argv: ['rm'] }, { outputBytesMax: 1_001 }))).toEqual([
      'COMMAND_REJECTED',
      'INVALID_REQUEST',
      'UNAVAILABLE',
      'PROJECT_NOT_RUNNING',
      'QUEUE_FULL',
    ]);
  });

  it('is one that names a container on a runtime without any; otherwise the name is recorded', async () => {
    const from = await events.lastSeq();
    const { check, service } = serviceWith();
    const named = request({ type: 'exec', argv: ['ls'] }, { container: 'db' });
    await service.create('web', named, caller);
    expect(await events.readAfter(from, 10)).toMatchObject([{ data: { type: 'exec', container: 'db' } }]);
    commands.rows.clear();
    runtime.hasContainers = false;
    await expect(service.create('web', named, caller)).rejects.toMatchObject({ errors: [{ pointer: '#/container' }] });
    const { reasons } = await check.forecast('web', named, caller);
    expect(reasons).toMatchObject([{ code: 'INVALID_REQUEST', errors: [{ pointer: '#/container' }] }]);
    expect(commands.rows.size).toBe(0);
  });
});
