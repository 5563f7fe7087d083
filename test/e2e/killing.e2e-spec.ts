import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ApiProcess,
  Transcript,
  createProject,
  ended,
  eventually,
  expectProblem,
  expectStatus,
  outputOf,
  startApi,
  startCommand,
} from '../support/index.js';

/** Ends by itself only on SIGUSR1, and ignores SIGTERM. */
const DEAF = `trap '' TERM; trap 'echo told; exit 5' USR1; echo ready; while :; do sleep 0.05; done`;

describe('killing', () => {
  let api: ApiProcess;
  let project: string;

  beforeAll(async () => {
    api = await startApi();
  });
  beforeEach(async () => {
    project = await createProject(api.client);
  });
  afterAll(() => api.stop());

  const cancel = (id: string, body: object = {}) => api.client.post(`/v1/commands/${id}/cancel`, body);
  const signal = (id: string, name: string) => api.client.post(`/v1/commands/${id}/signal`, { signal: name });
  const get = async (id: string) => expectStatus(await api.client.get(`/v1/commands/${id}`), 200).body;
  const textOf = async (id: string) => (await outputOf(api.client, id)).toString();
  const startDeaf = async (): Promise<string> => {
    const { id } = await startCommand(api.client, project, DEAF);
    await eventually(async () => (await textOf(id)) === 'ready\n');
    return id;
  };

  describe('cancel', () => {
    it('ends a queued command immediately, without running it', async () => {
      const first = await startDeaf();
      const holder = await startCommand(api.client, project, { script: 'sleep 60', lock: 'x' });
      const { id } = await startCommand(api.client, project, { script: 'touch ran', lock: 'x' });
      const { body } = expectStatus(await cancel(id), 200);
      expect(body).toMatchObject({ status: 'cancelled', startedAt: null, result: { reason: 'cancelled' } });
      for (const one of [first, holder.id]) await cancel(one, { graceSeconds: 0 });
      await ended(api.client, holder.id);
      expect(existsSync(join(api.dataDir, 'projects', project, 'ran'))).toBe(false);
    });

    it('ends a running command, keeps its output, and notifies the follower', async () => {
      const { id } = await startCommand(api.client, project, 'echo before; echo error >&2; sleep 60; echo after');
      const transcript = new Transcript();
      const following = transcript.read(await api.client.sse(`/v1/commands/${id}/events`));
      await eventually(() => transcript.text('stderr') === 'error\n');
      const { body } = expectStatus(await cancel(id), 202);
      expect(body).toMatchObject({ status: 'running', result: null });
      await following;
      expect(transcript.end).toMatchObject({
        status: 'cancelled',
        result: { reason: 'cancelled', signal: 'SIGTERM', exitCode: null, killVerified: true, survivors: 0 },
      });
      expect(transcript.text()).toBe('before\n');
    });

    it('reports cancelled also for a command that exits on SIGTERM, with its exit code', async () => {
      const { id } = await startCommand(
        api.client,
        project,
        `trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done`,
      );
      await eventually(async () => (await textOf(id)) === 'ready\n');
      await cancel(id, { graceSeconds: 20 });
      expect(await ended(api.client, id)).toMatchObject({ status: 'cancelled', result: { exitCode: 0 } });
      expect(await textOf(id)).toBe('ready\nbye\n');
    });

    it('can be repeated: a later request may shorten the grace period, and has no effect after the end', async () => {
      const id = await startDeaf();
      for (const graceSeconds of [600, 700, 600]) expectStatus(await cancel(id, { graceSeconds }), 202);
      const since = performance.now();
      expectStatus(await cancel(id, { graceSeconds: 0 }), 202);
      const record = await ended(api.client, id);
      expect(performance.now() - since).toBeLessThan(5_000);
      expect(record).toMatchObject({ status: 'cancelled', result: { signal: 'SIGKILL', killVerified: true } });
      expect(expectStatus(await cancel(id), 200).body).toEqual(record);
    });

    it('races with the end: the first one counts, and the output is complete', async () => {
      const projects = await Promise.all(Array.from({ length: 5 }, () => createProject(api.client)));
      const ids = await Promise.all(
        Array.from({ length: 24 }, async (_, index) => {
          const script = 'echo start; sleep 0.3; echo end';
          return (await startCommand(api.client, projects[index % 5]!, script)).id;
        }),
      );
      await Promise.all(
        ids.map(async (id, index) => {
          await eventually(async () => (await get(id)).status !== 'queued');
          await delay(index * 20);
          await cancel(id, { graceSeconds: 1 });
        }),
      );
      const seen = new Set<string>();
      for (const id of ids) {
        const { status, result } = await ended(api.client, id);
        seen.add(status);
        const text = await textOf(id);
        expect(result.stdoutBytes).toBe(text.length);
        if (status === 'succeeded') expect([text, result.reason]).toEqual(['start\nend\n', 'exited']);
        else expect([status, result.reason]).toEqual(['cancelled', 'cancelled']);
      }
      process.stderr.write(`cancel against the end: ${[...seen].join(', ')}\n`);
    });
  });

  describe('signal', () => {
    it('is sent to all processes of the command', async () => {
      const id = await startDeaf();
      expectStatus(await signal(id, 'SIGUSR1'), 200);
      expect(await ended(api.client, id)).toMatchObject({
        status: 'failed',
        result: { exitCode: 5, reason: 'exited' },
      });
      expect(await textOf(id)).toBe('ready\ntold\n');
    });

    it('ends a command that it kills as signalled, and needs a running one', async () => {
      const id = await startDeaf();
      const { id: queued } = await startCommand(api.client, project, { script: 'true', lock: 'x' });
      await signal(id, 'KILL');
      const record = await ended(api.client, id);
      expect(record).toMatchObject({ status: 'failed', result: { signal: 'SIGKILL', reason: 'signaled' } });
      expectProblem(await signal(id, 'TERM'), 409, 'COMMAND_ENDED');
      expect(await get(id)).toEqual(record);
      await ended(api.client, queued);
    });

    it('stops and continues', async () => {
      const { id } = await startCommand(api.client, project, 'while :; do echo x; sleep 0.02; done');
      await eventually(async () => (await textOf(id)) !== '');
      await signal(id, 'STOP');
      let before = '';
      await eventually(async () => {
        const now = await textOf(id);
        const isStill = now === before;
        before = now;
        return isStill;
      });
      await signal(id, 'CONT');
      await eventually(async () => (await textOf(id)).length > before.length);
      await signal(id, 'STOP');
      // A stopped process handles SIGTERM only after it continues.
      await cancel(id, { graceSeconds: 10 });
      expect(await ended(api.client, id, 5)).toMatchObject({ status: 'cancelled', result: { signal: 'SIGTERM' } });
    });
  });

  describe('timeout', () => {
    it('is enforced while no API is running', async () => {
      const { id } = await startCommand(api.client, project, {
        script: 'echo alone; sleep 60; touch late',
        timeoutSeconds: 2,
      });
      await eventually(async () => (await textOf(id)) === 'alone\n');
      await api.kill('SIGKILL');
      // Checks what the supervisor leaves, so that no API runs until it is over.
      await eventually(() => existsSync(join(api.dataDir, 'spool', 'rdev', id, 'c', 'end')), 20_000);
      await api.start();
      const { status, result } = await ended(api.client, id);
      expect(status).toBe('timed_out');
      expect(result.durationMs).toBeGreaterThanOrEqual(2_000);
      expect(result.durationMs).toBeLessThan(3_500);
    });
  });
});
