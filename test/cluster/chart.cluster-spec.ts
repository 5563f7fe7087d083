import { CHART } from '../chart/support/helm.js';
import { type HttpClient, ended, eventually, expectStatus, freePort, startCommand, textOf } from '../support/index.js';
import { ShortCommands, follow } from './support/load.js';
import { ReceiverPod } from './support/receiver-pod.js';
import { Release } from './support/release.js';

jest.setTimeout(600_000);

const { RDEV_IMAGE = '', RDEV_WORKSPACE_IMAGE, RDEV_POSTGRES_IMAGE } = process.env;
if (!RDEV_IMAGE) {
  process.stderr.write(
    'The chart is not installed: set RDEV_IMAGE to an image of the API that the nodes have or can pull.\n',
  );
}

const release = new Release();
const [repository = '', tag = ''] = RDEV_IMAGE.split(/:(?=[^/:]+$)/);
const values = {
  image: { repository, tag },
  projects: { namespace: release.projectsNamespace, ...(RDEV_WORKSPACE_IMAGE && { image: RDEV_WORKSPACE_IMAGE }) },
  database: {
    bundled: {
      enabled: true,
      size: '1Gi',
      resources: { requests: { cpu: '250m', memory: '128Mi' } },
      ...(RDEV_POSTGRES_IMAGE && { image: RDEV_POSTGRES_IMAGE }),
    },
  },
  // A busy node gives a pod what it has asked for, and little more. What is tested here is not the rate limit.
  resources: { requests: { cpu: '250m', memory: '128Mi' }, limits: { memory: '1Gi' } },
  webhooks: { allowedCidrs: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] },
  networkPolicy: {
    extraEgress: [{ to: [{ podSelector: { matchLabels: { app: 'receiver' } } }], ports: [{ port: 9000 }] }],
  },
  config: { CONCURRENT_COMMANDS: 20, RATE_LIMIT_RPS: 0, RDEV_PROJECT_REQUESTS: 'cpu=100m,memory=32Mi' },
};

(RDEV_IMAGE ? describe : describe.skip)('the chart, installed', () => {
  let client: HttpClient;

  afterAll(() => release.remove());

  test('is accepted by the API server in every part', async () => {
    await release.kubectl('create', 'namespace', release.namespace);
    // Objects of namespaces that do not exist yet would be refused: these go into the one that does.
    const all = {
      ...values,
      projects: { ...values.projects, namespace: release.namespace, createNamespace: false, quota: { pods: '10' } },
      autoscaling: { enabled: true },
      ingress: { enabled: true },
      metrics: { dashboard: { enabled: true } },
    };
    const manifest = await release.helm(['template', release.name, CHART, '--values', '-', '--dry-run=server'], all);
    const dryRun = ['apply', '--dry-run=server', '--filename=-', '--output=name'];
    const accepted = await release.kubectlWith(manifest, ...dryRun);
    expect(accepted.trim().split('\n')).toHaveLength(manifest.match(/^kind: /gm)?.length ?? 0);
  });

  test('leads from helm install to the first byte of a command by its notes alone', async () => {
    const installedAt = Date.now();
    const notes = await release.install(values);
    client = await release.client();
    const ready = await release.kubectl('get', 'deployment', 'rdev', '--output=jsonpath={.status.readyReplicas}');
    expect(ready).toBe('2');
    const readyAfter = Date.now() - installedAt;
    const script =
      notes
        .match(/^ {4}.*$/gm)
        ?.join('\n')
        .replaceAll('8080', String(await freePort())) ?? '';
    const shell = release.shell(script);
    let output = '';
    shell.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    shell.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    try {
      await eventually(() => output.includes('"data":"hello 1\\n"'), 120_000).catch((error: unknown) => {
        throw new Error(output, { cause: error });
      });
      const firstByteAfter = Date.now() - installedAt;
      await eventually(() => /event: complete[^]*"status":"succeeded"/.test(output));
      process.stdout.write(
        `From helm install to two ready replicas ${readyAfter} ms, to the first byte ${firstByteAfter} ms\n`,
      );
    } finally {
      if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
    }
  });

  test('passes helm test', async () => {
    expect(await release.helm(['test', release.name, '--timeout', '120s'])).toContain('Succeeded');
  });

  test('is restarted and upgraded under load without losing a command, a byte, a request or a webhook', async () => {
    const receiver = await ReceiverPod.start(release, RDEV_IMAGE);
    const subscribe = async (port: number) => {
      const webhook = { url: `http://${receiver.address}:${port}/`, events: ['command.succeeded'] };
      return expectStatus(await client.post('/v1/webhooks', webhook), 201).body.id as string;
    };
    const [open, closed] = [await subscribe(9000), await subscribe(9001)];
    const script = 'i=0; while [ ! -e /tmp/enough ]; do i=$((i + 1)); echo line $i; sleep 0.1; done';
    const adminKey = await release.adminKey();
    const stop = new AbortController();
    const long = await Promise.all([1, 2, 3, 4].map(() => startCommand(client, 'hello', script)));
    const followers = Promise.all(long.map(({ id }) => follow(client, id, stop.signal)));
    followers.catch(() => undefined);
    const short = new ShortCommands(client, 'hello');
    try {
      await release.kubectl('rollout', 'restart', 'deployment/rdev');
      await release.kubectl('rollout', 'status', 'deployment/rdev', '--timeout=240s');
      await release.upgrade({ ...values, podAnnotations: { upgraded: 'yes' } });
      await textOf(client, 'hello', 'touch /tmp/enough');
      for (const transcript of await followers) {
        expect(transcript.end).toMatchObject({ status: 'succeeded' });
        expect(transcript.gaps).toEqual([]);
        const lines = transcript.text().split('\n').length - 1;
        expect(lines).toBeGreaterThan(20);
        expect(transcript.text()).toBe(Array.from({ length: lines }, (_, i) => `line ${i + 1}\n`).join(''));
        expect(transcript.end.result.stdoutBytes).toBe(transcript.position.stdout);
      }
    } finally {
      stop.abort();
      await short.stop();
    }
    expect(short.failures).toEqual([]);
    expect(short.ids.length).toBeGreaterThan(5);
    for (const id of short.ids) expect((await ended(client, id)).status).toBe('succeeded');
    const isComplete = async (): Promise<boolean> => {
      const told = new Set((await receiver.messages(9000)).map(({ data }) => data.commandId as string));
      return short.ids.every((id) => told.has(id));
    };
    await eventually(isComplete, 120_000, 1_000);
    // The NetworkPolicy has no rule for the other port, so nothing arrives there, and the attempts say why.
    expect(await receiver.messages(9001)).toEqual([]);
    const { data } = (await client.get(`/v1/webhooks/${closed}/deliveries`)).body;
    const { attempts } = (await client.get(`/v1/deliveries/${data.at(-1).id}`)).body;
    expect(attempts[0]).toMatchObject({ status: null, error: expect.stringMatching(/^(There was no|The connection)/) });
    for (const id of [open, closed]) expectStatus(await client.request('DELETE', `/v1/webhooks/${id}`), 204);
    await receiver.remove();
    expect(await release.adminKey()).toBe(adminKey);
  });

  test('leaves nothing but what its README says when it is uninstalled', async () => {
    expect((await client.request('DELETE', '/v1/projects/hello?keepStorage=true')).status).toBeLessThan(300);
    await eventually(async () => (await client.get('/v1/projects/hello')).status === 404, 120_000, 500);
    await eventually(async () => (await release.objects(release.projectsNamespace)).every(isKept), 120_000, 500);
    await release.helm(['uninstall', release.name, '--wait', '--timeout', '240s']);
    await eventually(
      async () => (await release.objects()).every((name) => name.startsWith('persistent')),
      120_000,
      500,
    );
    expect(await release.objects()).toEqual(['persistentvolumeclaim/data-rdev-postgresql-0']);
    const kept = await release.objects(release.projectsNamespace);
    expect(kept).toEqual([expect.stringMatching(/^persistentvolumeclaim\//)]);
  });
});

/** What the chart itself has in the projects' namespace, and the storage of the project. */
const isKept = (name: string): boolean => /^(persistentvolumeclaim|role\.rbac|rolebinding\.rbac)/.test(name);
