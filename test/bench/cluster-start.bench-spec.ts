import { execFile } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { Exec, KubeConfig } from '@kubernetes/client-node';
import { ProjectsSite, projectIs } from '../cluster/support/projects-api.js';
import { kubeconfigs } from '../cluster/support/test-cluster.js';
import { type ApiProcess, createProject } from '../support/index.js';
import { inTurn, report } from './support/in-turn.js';

const ROUNDS = 40;
const KUBECTL = process.env.KUBECTL ?? 'kubectl';

interface Site {
  readonly site: ProjectsSite;
  readonly api: ApiProcess;
  readonly project: string;
}

async function open(standbySeconds: string): Promise<Site> {
  const site = await ProjectsSite.open();
  const api = await site.startApi({ RATE_LIMIT_RPS: '0', RDEV_STANDBY_SECONDS: standbySeconds });
  const project = await createProject(api.client);
  await projectIs(api.client, project, 'running');
  return { site, api, project };
}

/** From a POST to a command's first byte and to its ended answer, against an exec that keeps nothing. */
describe('a command in a pod', () => {
  const sites: Site[] = [];
  const config = new KubeConfig();
  beforeAll(async () => {
    config.loadFromFile(kubeconfigs().at(-1)?.path ?? '');
    // Two installs, since any replica of one may take a command.
    for (const seconds of ['60', '0']) sites.push(await open(seconds));
  }, 300_000);
  afterAll(async () => {
    for (const { api, site } of sites) {
      await api.stop();
      await site.close();
    }
  });

  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const since = performance.now();
    await work();
    return performance.now() - since;
  };
  const ended =
    ({ api, project }: Site) =>
    () =>
      timed(async () => {
        const { body } = await api.client.request(
          'POST',
          `/v1/projects/${project}/commands`,
          { type: 'exec', argv: ['true'] },
          { prefer: 'wait=30' },
        );
        expect(body.status).toBe('succeeded');
      });
  const firstByte =
    ({ api, project }: Site) =>
    () =>
      timed(async () => {
        const { body } = await api.client.post(`/v1/projects/${project}/commands`, {
          type: 'exec',
          argv: ['echo', 'x'],
        });
        const stream = await api.client.sse(`/v1/commands/${body.id}/events`);
        for await (const { event } of stream) if (event === 'output') break;
        stream.drop();
      });
  const pod = (): [string, string] => [sites[0]!.site.namespace.name, `rdev-${sites[0]!.project}-0`];
  const kubectl = (): Promise<number> =>
    timed(() =>
      promisify(execFile)(KUBECTL, ['exec', '-n', ...pod(), '--', 'true'], {
        env: { ...process.env, KUBECONFIG: kubeconfigs().at(-1)?.path },
      }),
    );
  const exec = (argv: string[], until: 'end' | 'byte') => () =>
    timed(async () => {
      const stdout = new PassThrough();
      const byte = once(stdout, 'data');
      const socket = await new Promise<{ close(): void }>((resolve, reject) => {
        const opened = new Exec(config).exec(...pod(), 'main', argv, stdout, null, null, false, () => {
          if (until === 'end') void opened.then(resolve);
        });
        opened.catch(reject);
        if (until === 'byte') void byte.then(() => opened).then(resolve);
      });
      socket.close();
    });

  it('ends', async () => {
    const times = await inTurn(
      {
        rdev: ended(sites[0]!),
        'rdev, first use': ended(sites[1]!),
        'kubectl exec': kubectl,
        'raw exec': exec(['true'], 'end'),
      },
      ROUNDS,
    );
    await report(
      'exec true in a pod',
      times,
      [
        { of: 'rdev', against: 'kubectl exec', most: 0.3 },
        { of: 'rdev', against: 'raw exec', most: 0.7 },
        { of: 'rdev, first use', against: 'kubectl exec', most: 0.8 },
      ],
      { ROUNDS },
    );
  });

  it('shows its first byte', async () => {
    const times = await inTurn(
      { rdev: firstByte(sites[0]!), 'rdev, first use': firstByte(sites[1]!), 'raw exec': exec(['echo', 'x'], 'byte') },
      ROUNDS,
    );
    await report('first byte in a pod', times, [{ of: 'rdev', against: 'raw exec', most: 0.6 }], { ROUNDS });
  });
});
