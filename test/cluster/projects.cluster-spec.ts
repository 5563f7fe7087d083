import type { V1Pod } from '@kubernetes/client-node';
import {
  type ApiProcess,
  type SseEvent,
  ended,
  eventually,
  expectStatus,
  outputOf,
  percentile,
  startCommand,
  textOf,
} from '../support/index.js';
import { ProjectsSite, projectIs } from './support/projects-api.js';
import { until } from './support/until.js';

jest.setTimeout(300_000);

describe('projects made through the API', () => {
  let site: ProjectsSite;
  let api: ApiProcess;

  beforeAll(async () => {
    site = await ProjectsSite.open();
    api = await site.startApi();
  });
  afterAll(async () => {
    await api.stop();
    await site.close();
  });

  const post = (path: string, body: object = {}) => api.client.post(`/v1/projects${path}`, body);

  /** Reads the events of a project until the condition holds for one. */
  async function eventsUntil(
    id: string,
    condition: (event: SseEvent) => boolean,
    lastEventId = '0',
  ): Promise<SseEvent[]> {
    const events: SseEvent[] = [];
    for await (const event of await api.client.sse(`/v1/projects/${id}/events`, { lastEventId })) {
      events.push(event);
      if (condition(event)) break;
    }
    return events;
  }

  test('live: made, used, stopped, woken by a command, restarted and deleted', async () => {
    const { body } = expectStatus(await post('', { id: 'web', labels: { team: 'a' } }), 201);
    expect(body).toMatchObject({
      id: 'web',
      status: 'pending',
      managed: true,
      runtime: 'kubernetes',
      labels: { team: 'a' },
    });
    const running = await projectIs(api.client, 'web', 'running');
    expect(running).toMatchObject({ pod: 'rdev-web-0', reason: null, stale: false });
    expect(await textOf(api.client, 'web', 'echo kept > file; pwd')).toBe('/workspace\n');

    // Whatever else carries its label: commands run in the pod that rdev made, and wait for that.
    await site.namespace.createPod('decoy', { 'rdev.dev/project': 'web' });

    const { id: cut } = await startCommand(api.client, 'web', 'echo ready; sleep 600');
    await eventually(async () => (await outputOf(api.client, cut)).length > 0);
    expect(expectStatus(await post('/web/stop'), 202).body.status).toBe('stopping');
    expect(await ended(api.client, cut)).toMatchObject({ status: 'cancelled', result: { killVerified: true } });
    await projectIs(api.client, 'web', 'stopped');
    expect(await site.namespace.pod('rdev-web-0')).toBeNull();

    const { id: waking } = await startCommand(api.client, 'web', 'cat file');
    await projectIs(api.client, 'web', 'running');
    expect(await ended(api.client, waking, 60)).toMatchObject({ status: 'succeeded' });
    expect((await outputOf(api.client, waking)).toString()).toBe('kept\n');

    const before = (await site.namespace.pod('rdev-web-0'))?.metadata?.uid;
    expectStatus(await post('/web/restart'), 202);
    await projectIs(api.client, 'web', 'running');
    expect((await site.namespace.pod('rdev-web-0'))?.metadata?.uid).not.toBe(before);

    const events = await eventsUntil('web', ({ data }) => data.type === 'command.ended' && data.commandId === waking);
    const types = events.filter(({ event }) => event === 'project').map(({ data }) => data.type);
    expect(types).toEqual([
      'project.created',
      'project.started',
      'project.stopping',
      'project.stopped',
      'project.pending',
      'project.started',
    ]);

    await site.namespace.deletePod('decoy');
    expect([202, 204]).toContain((await api.client.request('DELETE', '/v1/projects/web')).status);
    await eventually(async () => (await api.client.get('/v1/projects/web')).status === 404, 120_000);
  });

  /**
   * A kubelet looks at its pods once a second, so that the same pod takes two, three or four seconds by chance. The
   * time from a pod that is made to one that runs is the kubelet's in both cases, and counts for neither.
   */
  test('run at most a second later than the same objects by hand', async () => {
    const timed = async (id: string, make: () => Promise<unknown>) => {
      const from = performance.now();
      const since = async (isSo: (pod: V1Pod) => boolean): Promise<number> => {
        await until(id, () => site.namespace.pod(`rdev-${id}-0`).then((pod) => pod !== null && isSo(pod)));
        return performance.now() - from;
      };
      const isRunning = ({ status }: V1Pod) => status?.containerStatuses?.[0]?.state?.running !== undefined;
      const [made, ran] = await Promise.all([since(() => true), since(isRunning), make()]);
      const ms = performance.now() - from;
      return { ms, ownMs: ms - (ran - made) };
    };
    const byApi = (id: string) =>
      timed(id, async () => {
        expectStatus(await post('', { id }), 201);
        await projectIs(api.client, id, 'running');
      });
    const byHand = (id: string, objects: readonly object[]) =>
      timed(id, async () => {
        for (const object of objects) await site.namespace.apply(object);
      });
    const rounds = [];
    for (const round of ['1', '2', '3', '4', '5']) {
      const ours = await byApi(`timed-${round}`);
      const theirs = await byHand(`by-hand-${round}`, await site.copyOf(`timed-${round}`, `by-hand-${round}`));
      rounds.push({ ours, theirs, laterMs: ours.ownMs - theirs.ownMs });
    }
    const words = rounds.map(({ ours, theirs }) => `${ours.ms.toFixed(0)} and ${theirs.ms.toFixed(0)} ms`);
    const laterMs = percentile(
      rounds.map((round) => round.laterMs),
      0.5,
    );
    process.stderr.write(
      `POST to running, and by hand: ${words.join(', ')}; without the kubelet's part ${laterMs.toFixed(0)} ms later\n`,
    );
    expect(laterMs).toBeLessThanOrEqual(1_000);
  });
});
