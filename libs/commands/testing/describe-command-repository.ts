import { InvalidCursor, PAGE_BYTES_MAX, idFloor, newId, runInRequest } from '@app/kernel';
import { until } from '@app/kernel/testing';
import type { CommandLeases } from '../src/application/command-leases.js';
import type { CommandQueue } from '../src/application/command-queue.js';
import { type CommandFilter, type CommandRepository, UNENDED_MAX } from '../src/application/command.repository.js';
import type { Work } from '../src/domain/work/index.js';
import { hasEnded } from '../src/domain/status.js';
import { type Ending, endingOf, lost, notStarted } from '../src/domain/result.js';
import { START } from '../src/domain/position.js';
import { aCreator, aNewCommand, anExitRecord, anInstance } from './a-command.js';

/** All repositories of commands. */
export type CommandStore = CommandRepository & CommandQueue & CommandLeases;

export interface CommandRepositoryHarness {
  readonly commands: CommandStore;
  /** Does what the queue does: the command is starting, and leased. */
  admit(id: string, owner: string, leaseSeconds: number): Promise<void>;
  /** Makes the command look like one queued by an older release. */
  forgetOutline(id: string): Promise<void>;
  close(): Promise<void>;
}

const [HERE, THERE] = ['replica-a', 'replica-b'] as const;
const RULES = { queuedMax: 1_000, agingSeconds: 300 };
const ALL: CommandFilter = { labels: {}, visibleProjects: null };
const SUCCESS: Ending = endingOf(anExitRecord(), START);

export function describeCommandRepository(name: string, open: () => Promise<CommandRepositoryHarness>): void {
  describe(`CommandRepository: ${name}`, () => {
    let harness: CommandRepositoryHarness;
    let commands: CommandStore;
    let projectId: string;
    let projects = 0;
    beforeAll(async () => {
      harness = await open();
      ({ commands } = harness);
    });
    beforeEach(() => {
      projectId = `project-${String(++projects)}`;
    });
    afterAll(() => harness.close());

    const queued = async (traits: Parameters<typeof aNewCommand>[0] = {}): Promise<string> => {
      const command = aNewCommand({ projectId, ...traits });
      await commands.enqueue(command, RULES);
      return command.id;
    };
    const starting = async (owner: string = HERE, leaseSeconds = 60): Promise<string> => {
      const id = await queued();
      await harness.admit(id, owner, leaseSeconds);
      return id;
    };
    const running = async (owner: string = HERE, leaseSeconds = 60): Promise<string> => {
      const id = await starting(owner, leaseSeconds);
      await commands.markRunning(id, owner);
      return id;
    };

    describe('enqueue', () => {
      it('stores a command as requested', async () => {
        const command = aNewCommand({
          projectId,
          priority: 'urgent',
          lock: 'deploy',
          traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
          labels: { team: 'a', 'ä/b': '"x"' },
          queueTimeoutSeconds: 60,
          spec: {
            work: { type: 'exec', argv: ['printf', '%s\\n', 'ä"\u0001', ''] },
            cwd: '/tmp/x y',
            env: { Z: '1', A: '2' },
            stdin: { kind: 'text', text: 'a\u0000b' },
            noOutputTimeoutSeconds: 5,
            keepBackground: true,
          },
        });
        const { queueTimeoutSeconds: _unused, creator: _creator, ...expected } = command;
        const found = (await commands.enqueue(command, RULES))!;
        expect(await commands.findById(command.id)).toEqual(found);
        const { spec: _spec, ...summary } = found;
        expect(await commands.findSummary(command.id)).toEqual(summary);
        expect(found).toMatchObject({
          ...expected,
          status: 'queued',
          position: START,
          admittedAt: null,
          startedAt: null,
          endedAt: null,
          cancel: null,
          instance: null,
          result: null,
        });
        expect(found.queueExpiresAt!.getTime() - found.createdAt.getTime()).toBe(60_000);
        expect(Object.keys(found.spec.env)).toEqual(['Z', 'A']);
      });

      it('gives a command no queue timeout by default', async () => {
        expect((await commands.findById(await queued()))!.queueExpiresAt).toBeNull();
      });

      it("refuses commands beyond the project's limit, which counts only its queued ones", async () => {
        const enqueue = async (id = projectId): Promise<boolean> =>
          (await commands.enqueue(aNewCommand({ projectId: id }), { ...RULES, queuedMax: 3 })) !== null;
        await running();
        const first = await queued();
        expect([await enqueue(), await enqueue(), await enqueue()]).toEqual([true, true, false]);
        expect(await enqueue(`${projectId}-other`)).toBe(true);
        expect([await commands.countQueued(projectId), await commands.countQueued('nothing')]).toEqual([3, 0]);
        await commands.endQueued(first, notStarted('expired', 'expired_in_queue', 'x'));
        expect([await enqueue(), await enqueue()]).toEqual([true, false]);
        const page = await commands.list({ ...ALL, projectId }, { limit: 200 });
        expect(page.data.filter(({ status }) => status === 'queued')).toHaveLength(3);
      });
    });

    describe('the preview in lists', () => {
      const LONG = 'ä😀"\\'.repeat(1_000);
      it.each<[Work, string]>([
        [{ type: 'shell', script: 'echo hello' }, 'echo hello'],
        [{ type: 'shell', script: LONG }, 'ä😀"\\'.repeat(50)],
        [{ type: 'shell', script: `${'a'.repeat(199)}😀x` }, `${'a'.repeat(199)}😀`],
        [{ type: 'shell', script: 'half \ud83d of \\ud83d \\\\u0000 one' }, 'half \ufffd of \\ud83d \\\\u0000 one'],
        [{ type: 'exec', argv: ['printf', '', '%s\n'] }, 'printf  %s\n'],
        [{ type: 'exec', argv: ['x'.repeat(150), 'y'.repeat(150)] }, `${'x'.repeat(150)} ${'y'.repeat(49)}`],
        [{ type: 'git', args: ['log', '-1'] }, 'git log -1'],
      ])('is the beginning of what it runs, also if an older release queued it (%#)', async (work, preview) => {
        const spec = {
          work,
          cwd: '/tmp',
          container: 'db',
          stdin: { kind: 'text', text: 'a\u0000\\u0000b\udc00' },
          env: { A: '\ud800' },
        } as const;
        const id = await queued({
          spec: { ...spec, timeoutSeconds: 7, noOutputTimeoutSeconds: 5, keepBackground: true },
        });
        const limits = {
          timeoutSeconds: 7,
          noOutputTimeoutSeconds: 5,
          outputBytesMax: 67_108_864,
          keepBackground: true,
        };
        const expected = { preview, cwd: '/tmp', container: 'db', stdin: 'text', ...limits };
        expect((await commands.findSummary(id))!.outline).toEqual(expected);
        await harness.forgetOutline(id);
        expect((await commands.findSummary(id))!.outline).toEqual(expected);
        const [listed] = (await commands.list({ ...ALL, projectId }, { limit: 1 })).data;
        expect([listed!.outline, 'spec' in listed!]).toEqual([expected, false]);
        expect((await commands.findById(id))!.spec).toMatchObject({ ...spec, ...limits });
      });

      it('is paged by at most 1 MiB, however large labels are, and continues exactly from there', async () => {
        const labels = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`l${i}`, '\u0001'.repeat(256)]));
        const all: string[] = [];
        for (let i = 0; i < 25; i++) all.unshift(await queued(i % 4 === 3 ? {} : { labels }));
        const seen: string[] = [];
        let cursor: string | undefined;
        let pages = 0;
        do {
          const page = await commands.list({ ...ALL, projectId }, { limit: 200, cursor });
          expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(PAGE_BYTES_MAX + 200);
          seen.push(...page.data.map(({ id }) => id));
          cursor = page.nextCursor ?? undefined;
          pages++;
        } while (cursor !== undefined);
        expect(seen).toEqual(all);
        expect(pages).toBeGreaterThan(1);
      });
    });

    describe('findById', () => {
      it.each(['cmd_none', '', 'x'.repeat(1000), newId('cmd')])('returns null for %#: an unknown id', async (id) => {
        expect(await commands.findById(id)).toBeNull();
      });
    });

    describe('list', () => {
      const ids = async (filter: Partial<CommandFilter>): Promise<string[]> =>
        (await commands.list({ ...ALL, projectId, ...filter }, { limit: 200 })).data.map(({ id }) => id);

      it('is newest first, page by page, without duplicates or omissions while others are added', async () => {
        const all: string[] = [];
        for (let i = 0; i < 7; i++) all.unshift(await queued());
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await commands.list({ ...ALL, projectId }, { limit: 3, cursor });
          seen.push(...page.data.map(({ id }) => id));
          cursor = page.nextCursor ?? undefined;
          await queued();
        } while (cursor !== undefined);
        expect(seen).toEqual(all);
      });

      it('has no next page if the last one is exactly full', async () => {
        await queued();
        await queued();
        const page = await commands.list({ ...ALL, projectId }, { limit: 2 });
        expect([page.data.length, page.nextCursor]).toEqual([2, null]);
      });

      it('filters by status, type, key, label and time', async () => {
        const keyId = newId('key');
        const shell = await queued({ keyId, labels: { team: 'a', env: 'ci' } });
        const git = await queued({ labels: { team: 'b' }, spec: { work: { type: 'git', args: ['status'] } } });
        const busy = await running();
        expect(await ids({ statuses: ['running'] })).toEqual([busy]);
        expect(await ids({ statuses: ['queued', 'failed'] })).toEqual([git, shell]);
        expect(await ids({ statuses: [] })).toEqual([]);
        expect(await ids({ type: 'git' })).toEqual([git]);
        expect(await ids({ keyId })).toEqual([shell]);
        expect(await ids({ labels: { team: 'a' } })).toEqual([shell]);
        expect(await ids({ labels: { team: 'a', env: 'ci' } })).toEqual([shell]);
        expect(await ids({ labels: { team: 'a', env: 'x' } })).toEqual([]);
        expect(await ids({ since: new Date(Date.now() - 3_600_000) })).toEqual([busy, git, shell]);
        expect(await ids({ since: new Date(Date.now() + 3_600_000) })).toEqual([]);
        expect(await ids({ since: new Date(0) })).toHaveLength(3);
        const { createdAt } = (await commands.findSummary(git))!;
        expect(await ids({ until: createdAt })).not.toContain(git);
        expect(await ids({ until: new Date(createdAt.getTime() + 1) })).toEqual(expect.arrayContaining([git, shell]));
        expect(await ids({ since: createdAt, until: new Date(createdAt.getTime() + 1) })).toContain(git);
        expect(await ids({ until: new Date(Date.now() - 3_600_000) })).toEqual([]);
        expect(await ids({ projectId: 'none' })).toEqual([]);
      });

      it('shows only what the caller may see', async () => {
        const web = await queued({ projectId: `${projectId}-web` });
        const visible = async (...visibleProjects: string[]): Promise<string[]> => {
          const { data } = await commands.list({ labels: {}, visibleProjects }, { limit: 200 });
          return data.filter((command) => command.projectId.startsWith(projectId)).map(({ id }) => id);
        };
        expect(await visible(`${projectId}-*`)).toEqual([web]);
        expect(await visible(`${projectId}-w`, '*-web')).toEqual([web]);
        expect(await visible(`${projectId}-_eb`)).toEqual([]);
        expect(await visible('%')).toEqual([]);
        expect(await visible('\\*')).toEqual([]);
        expect(await visible()).toEqual([]);
      });

      it.each([
        '',
        'x',
        'bm9uZQ',
        Buffer.from('[1]').toString('base64url'),
        Buffer.from('["a","b"]').toString('base64url'),
      ])('refuses a cursor that is not from this list (%#)', async (cursor) => {
        await expect(commands.list(ALL, { limit: 1, cursor })).rejects.toThrow(InvalidCursor);
      });
    });

    describe('unended', () => {
      it('returns the unended commands of one project', async () => {
        const [waits, runs, ended] = [await queued(), await running(), await running()];
        await commands.end(ended, HERE, SUCCESS);
        await queued({ projectId: `${projectId}-other` });
        expect([...(await commands.unended(projectId))].sort()).toEqual([waits, runs].sort());
      });

      it('returns some of many, those first whose cancellation was not requested', async () => {
        const ids: string[] = [];
        for (let i = 0; i < UNENDED_MAX + 2; i++) ids.push(await queued());
        const asked = [ids[0]!, ids[1]!];
        for (const id of asked) {
          await harness.admit(id, HERE, 60);
          await commands.requestCancel(id, 0, 'why');
        }
        expect([...(await commands.unended(projectId))].sort()).toEqual(ids.slice(2));
      });

      it('omits commands created at that time or later', async () => {
        const id = await queued();
        const { createdAt } = (await commands.findById(id))!;
        expect(await commands.unended(projectId, createdAt)).toEqual([]);
        expect(await commands.unended(projectId, new Date(createdAt.getTime() + 1))).toEqual([id]);
      });
    });

    describe('bind', () => {
      it('binds once: the first instance stays, also for a replica that takes over', async () => {
        const id = await starting();
        const [first, second] = [anInstance({ containerId: 'c1', pod: 'web-0' }), anInstance()];
        expect(await commands.bind(id, HERE, first)).toEqual(first);
        expect(await commands.bind(id, HERE, second)).toEqual(first);
        await commands.releaseLeases([id], HERE);
        await until(async () => (await commands.takeOver(THERE, 60, 1_000)).includes(id));
        expect(await commands.bind(id, THERE, second)).toEqual(first);
        expect((await commands.findById(id))!.instance).toEqual(first);
      });

      it('is refused to a replica without the lease', async () => {
        const id = await starting();
        expect(await commands.bind(id, THERE, anInstance())).toBeNull();
        expect(await commands.bind(await queued(), HERE, anInstance())).toBeNull();
        expect((await commands.findById(id))!.instance).toBeNull();
      });
    });

    describe('markRunning', () => {
      it('succeeds once, for the replica with the lease', async () => {
        const id = await starting();
        expect(await commands.markRunning(id, THERE)).toBe(false);
        expect(await commands.markRunning(id, HERE)).toBe(true);
        const { status, startedAt } = (await commands.findById(id))!;
        expect([status, startedAt]).toEqual(['running', expect.any(Date)]);
        expect(await commands.markRunning(id, HERE)).toBe(false);
        expect(await commands.markRunning(await queued(), HERE)).toBe(false);
      });
    });

    describe('markReachable', () => {
      it('records since when the node does not respond, and clears it when it does', async () => {
        const id = await running();
        expect(await commands.markReachable(id, HERE, true)).toBe(0);
        expect(await commands.markReachable(id, HERE, false)).toBeLessThan(1);
        const since = (await commands.findById(id))!.unreachableSince;
        expect(since).not.toBeNull();
        await until(async () => (await commands.markReachable(id, HERE, false)) > 0);
        expect((await commands.findById(id))!.unreachableSince).toEqual(since);
        expect(await commands.markReachable(id, HERE, true)).toBe(0);
        expect((await commands.findById(id))!.unreachableSince).toBeNull();
      });

      it('is refused to a replica without the lease', async () => {
        const id = await running();
        expect(await commands.markReachable(id, THERE, false)).toBe(0);
        expect((await commands.findById(id))!.unreachableSince).toBeNull();
      });
    });

    describe('end', () => {
      it('ends once, with the waiting time, and releases the lease', async () => {
        const id = await running();
        const ended = (await commands.end(id, HERE, SUCCESS))!;
        expect(ended).toMatchObject({ status: 'succeeded', unreachableSince: null, result: SUCCESS.result });
        expect(ended.result.queueMs).toBeGreaterThanOrEqual(0);
        expect(ended.result.queueMs).toBe(ended.admittedAt!.getTime() - ended.createdAt.getTime());
        expect(ended).toEqual({ ...(await commands.findSummary(id)), creator: ended.creator });
        expect(await commands.end(id, HERE, lost('unknown', 'x', START))).toBeNull();
        expect(await commands.renewLeases([id], HERE, 60)).toEqual([]);
        expect(await commands.markRunning(id, HERE)).toBe(false);
        expect(ended).toEqual({ ...(await commands.findSummary(id)), creator: ended.creator });
      });

      it('ends a command that is only starting', async () => {
        const id = await starting();
        const ended = await commands.end(id, HERE, notStarted('failed', 'start_failed', 'no such pod'));
        expect(ended).toMatchObject({ status: 'failed', startedAt: null, result: { detail: 'no such pod' } });
      });

      it('is refused to a replica without the lease', async () => {
        const id = await running();
        expect(await commands.end(id, THERE, SUCCESS)).toBeNull();
        expect(await commands.end(await queued(), HERE, SUCCESS)).toBeNull();
        expect(await commands.end(newId('cmd'), HERE, SUCCESS)).toBeNull();
        expect(hasEnded((await commands.findById(id))!.status)).toBe(false);
      });

      it('lets one of two replicas win', async () => {
        const id = await running();
        const both = await Promise.all([commands.end(id, HERE, SUCCESS), commands.end(id, HERE, SUCCESS)]);
        expect(both.filter((ended) => ended !== null)).toHaveLength(1);
      });

      it('stores any detail, whatever characters it contains', async () => {
        const id = await running();
        const ending = lost('oom_killed', 'said "x" — \u{1F600}\n\ttab', { stdout: 3_000_000_000, stderr: 1 });
        const ended = (await commands.end(id, HERE, ending))!;
        expect(ended.result).toEqual({ ...ending.result, queueMs: ended.result.queueMs });
      });
    });

    describe('endQueued', () => {
      it('ends queued commands, and no others', async () => {
        const expired = notStarted('expired', 'expired_in_queue', 'It waited for too long.');
        const id = await queued();
        const ended = (await commands.endQueued(id, expired))!;
        expect(ended).toMatchObject({ status: 'expired', admittedAt: null });
        expect(ended.result.queueMs).toBeGreaterThanOrEqual(0);
        expect(await commands.endQueued(id, expired)).toBeNull();
        expect(await commands.endQueued(await running(), expired)).toBeNull();
        expect(await commands.endQueued(newId('cmd'), expired)).toBeNull();
      });
    });

    describe('the end of a command', () => {
      it('reports who created it, whichever replica ends it', async () => {
        const ids: string[] = [];
        for (const keyId of ['key_a', 'key_b']) {
          const command = aNewCommand({ projectId, keyId });
          await commands.enqueue(command, RULES);
          ids.push(command.id);
          const ended = await runInRequest({ requestId: 'req_2', actor: aCreator('key_c') }, async () => {
            if (keyId === 'key_a')
              return commands.endQueued(command.id, notStarted('expired', 'expired_in_queue', 'x'));
            await harness.admit(command.id, HERE, 60);
            return commands.end(command.id, HERE, SUCCESS);
          });
          expect(ended!.creator).toEqual(command.creator);
        }
        expect(ids).toHaveLength(2);
      });
    });

    describe('requestCancel', () => {
      it('keeps the first time, and the shortest grace period', async () => {
        const id = await running();
        const first = (await commands.requestCancel(id, 10, 'why'))!.cancel!;
        expect(first.graceSeconds).toBe(10);
        expect(await commands.requestCancel(id, 30, 'why')).toBeNull();
        expect(await commands.requestCancel(id, 10, 'why')).toBeNull();
        expect((await commands.findById(id))!.cancel).toEqual(first);
        expect((await commands.requestCancel(id, 0, 'why'))!.cancel).toEqual({ ...first, graceSeconds: 0 });
        expect((await commands.findById(id))!.cancel).toEqual({ ...first, graceSeconds: 0 });
      });

      it('becomes the detail of a cancelled command, unless its result has one', async () => {
        const cancelled = (detail?: string): Ending => {
          const { result } = endingOf(anExitRecord({ reason: 'cancelled', exitCode: null, signal: 'SIGTERM' }), START);
          return { status: 'cancelled', result: { ...result, ...(detail !== undefined && { detail }) } };
        };
        const [asked, own, succeeded] = [await running(), await running(), await running()];
        for (const id of [asked, own, succeeded]) {
          await commands.requestCancel(id, 10, 'The project was stopped.');
          await commands.requestCancel(id, 5, 'The project was deleted.');
        }
        expect((await commands.end(asked, HERE, cancelled()))!.result.detail).toBe('The project was stopped.');
        expect((await commands.end(own, HERE, cancelled('It said.')))!.result.detail).toBe('It said.');
        expect((await commands.end(succeeded, HERE, SUCCESS))!.result.detail).toBeUndefined();
        const unasked = await running();
        expect((await commands.end(unasked, HERE, cancelled()))!.result.detail).toBeUndefined();
      });

      it('is refused for commands that are not running', async () => {
        const ended = await running();
        await commands.end(ended, HERE, SUCCESS);
        for (const id of [ended, await queued(), newId('cmd')])
          expect(await commands.requestCancel(id, 1, 'why')).toBeNull();
      });
    });

    describe('noteStdin', () => {
      it('keeps the highest number of bytes written', async () => {
        const id = await running();
        expect((await commands.findSummary(id))!.stdinBytes).toBeNull();
        for (const bytes of [4, 12, 8]) await commands.noteStdin(id, bytes);
        expect((await commands.findSummary(id))!.stdinBytes).toBe(12);
      });
    });

    describe('dropInputs', () => {
      const secret = {
        work: { type: 'exec', argv: ['printf', '\\u0000 \\ud800 "ä"'] } as Work,
        env: { TOKEN: 'secret', __proto__x: 'more', 'ä"\\': '' },
        stdin: { kind: 'text', text: 'a\u0000secret' } as const,
      };
      const dropAll = async (): Promise<number> => {
        let count = 0;
        for (let dropped = 1; dropped > 0; count += dropped) dropped = await commands.dropInputs(0, 1);
        return count;
      };
      const given = async (spec: Parameters<typeof aNewCommand>[0] = { spec: secret }): Promise<string> => {
        const id = await queued(spec);
        await harness.admit(id, HERE, 60);
        return id;
      };

      it('drops values and stdin of ended commands, and nothing else', async () => {
        const [ended, runs] = [await given(), await given()];
        const before = (await commands.findById(ended))!;
        await commands.end(ended, HERE, SUCCESS);
        await until(async () => (await dropAll()) >= 1);
        const after = (await commands.findById(ended))!;
        expect(after.spec).toEqual({
          ...before.spec,
          env: { TOKEN: '', __proto__x: '', 'ä"\\': '' },
          stdin: { kind: 'text', text: '' },
        });
        expect(after.outline).toEqual(before.outline);
        expect((await commands.findById(runs))!.spec).toEqual(before.spec);
      });

      it('keeps them for the given time, and skips commands without any', async () => {
        await dropAll();
        const ended = await given();
        await commands.end(ended, HERE, SUCCESS);
        await commands.end(await running(), HERE, SUCCESS);
        expect(await commands.dropInputs(3_600, 10)).toBe(0);
        expect((await commands.findById(ended))!.spec.env).toEqual(secret.env);
        await until(async () => (await dropAll()) === 1);
        expect(await dropAll()).toBe(0);
      });
    });

    describe('leases', () => {
      it('are renewed if held, and tell which commands to cancel', async () => {
        const [mine, cancelled, theirs, ended] = [
          await running(),
          await starting(),
          await running(THERE),
          await running(),
        ];
        await commands.requestCancel(cancelled, 1, 'why');
        await commands.end(ended, HERE, SUCCESS);
        const held = await commands.renewLeases([mine, cancelled, theirs, ended, newId('cmd')], HERE, 60);
        const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
        expect([...held].sort(byId)).toEqual(
          [
            { id: mine, cancelGraceSeconds: null },
            { id: cancelled, cancelGraceSeconds: 1 },
          ].sort(byId),
        );
        expect(await commands.renewLeases([], HERE, 60)).toEqual([]);
      });

      it('exclude other replicas until they expire', async () => {
        const [kept, expired] = [await running(), await running(HERE, 0)];
        const taken: string[] = [];
        await until(async () => {
          taken.push(...(await commands.takeOver(THERE, 60, 1_000)));
          return taken.includes(expired);
        });
        expect(taken).not.toContain(kept);
        expect(await commands.markRunning(expired, HERE)).toBe(false);
        expect(await commands.end(expired, HERE, SUCCESS)).toBeNull();
        expect(await commands.renewLeases([expired, kept], HERE, 60)).toEqual([{ id: kept, cancelGraceSeconds: null }]);
        expect(await commands.renewLeases([expired], THERE, 60)).toHaveLength(1);
      });

      it('are released only by their owner, and can then be taken over immediately', async () => {
        const id = await starting();
        await commands.releaseLeases([id], THERE);
        expect(await commands.takeOver(THERE, 60, 1_000)).not.toContain(id);
        await commands.releaseLeases([id], HERE);
        await until(async () => (await commands.takeOver(THERE, 60, 1_000)).includes(id));
        expect((await commands.findById(id))!.status).toBe('starting');
      });

      it('go to exactly one of several replicas that take over concurrently', async () => {
        const ids = await Promise.all(Array.from({ length: 12 }, () => running(HERE, 0)));
        const owners = ['r1', 'r2', 'r3', 'r4'];
        const taken: string[] = [];
        await until(async () => {
          const each = await Promise.all(owners.map((owner) => commands.takeOver(owner, 60, 4)));
          taken.push(...each.flat());
          return ids.every((id) => taken.includes(id));
        });
        const mine = taken.filter((id) => ids.includes(id));
        expect(mine).toHaveLength(ids.length);
      });

      it('are taken over at most as many as asked for', async () => {
        const ids = [await running(HERE, 0), await running(HERE, 0), await running(HERE, 0)];
        let most = 0;
        const taken: string[] = [];
        await until(async () => {
          const some = await commands.takeOver(THERE, 60, 2);
          most = Math.max(most, some.length);
          taken.push(...some);
          return ids.every((id) => taken.includes(id));
        });
        expect(most).toBeLessThanOrEqual(2);
      });

      it('are told by their owners, with the time at which the first expires', async () => {
        const [owner, before] = [`host/${newId('cmd')}`, Date.now()];
        const ids = [await running(owner, 60), await running(owner, 120)];
        const holder = async () => (await commands.holders()).find((each) => each.owner === owner);
        const { count, expiresAt } = (await holder())!;
        expect(count).toBe(2);
        expect(expiresAt.getTime() - before).toBeGreaterThan(50_000);
        expect(expiresAt.getTime() - before).toBeLessThan(100_000);
        for (const id of ids) await commands.end(id, owner, SUCCESS);
        expect(await holder()).toBeUndefined();
      });

      it('do not exist for queued or ended commands', async () => {
        const [waits, ended] = [await queued(), await running(HERE, 0)];
        // A concurrent test may have taken it over meanwhile.
        await commands.end(ended, HERE, SUCCESS);
        const taken = await commands.takeOver(THERE, 60, 1_000);
        expect(taken).not.toContain(waits);
        expect(taken).not.toContain(ended);
      });
    });

    it('has ids that are divided by a point in time', async () => {
      const before = idFloor('cmd', new Date(Date.now() - 1_000));
      expect((await queued()) > before).toBe(true);
    });
  });
}
