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

jest.setTimeout(120_000);

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
    await eventually(async () => (await api.client.get('/v1/projects/web')).status === 404, 90_000);
  });

  test('run at most a second later than the same objects by hand', async () => {
    const byApi: number[] = [];
    const byHand: number[] = [];
    for (const round of [1, 2, 3]) {
      const id = `timed-${String(round)}`;
      const from = performance.now();
      expectStatus(await post('', { id }), 201);
      await projectIs(api.client, id, 'running');
      byApi.push(performance.now() - from);

      const copies = await site.copyOf(id, `by-hand-${String(round)}`);
      const begun = performance.now();
      for (const object of copies) await site.namespace.apply(object);
      await until('the pod runs', async () => {
        const pod = await site.namespace.pod(`rdev-by-hand-${String(round)}-0`);
        return pod?.status?.containerStatuses?.[0]?.state?.running !== undefined;
      });
      byHand.push(performance.now() - begun);
    }
    const median = (values: number[]) => percentile(values, 0.5);
    process.stderr.write(`POST to running ${median(byApi).toFixed(0)} ms, by hand ${median(byHand).toFixed(0)} ms\n`);
    expect(median(byApi)).toBeLessThanOrEqual(median(byHand) + 1_000);
  });
});
