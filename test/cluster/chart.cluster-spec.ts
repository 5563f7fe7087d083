import { render, toolPath } from '../chart/support/helm.js';
import { type HttpClient, ended, eventually, expectStatus, freePort, startCommand } from '../support/index.js';
import { spawnSync } from 'node:child_process';
import { ShortCommands, follow } from './support/load.js';
import { Release } from './support/release.js';
import { kubeconfigs } from './support/test-cluster.js';

jest.setTimeout(200_000);

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
  database: { bundled: { enabled: true, size: '1Gi', ...(RDEV_POSTGRES_IMAGE && { image: RDEV_POSTGRES_IMAGE }) } },
  // The nodes of tests are small. What is tested here is not the rate limit.
  resources: { requests: { cpu: '10m', memory: '128Mi' }, limits: { memory: '1Gi' } },
  config: { CONCURRENT_COMMANDS: 20, RATE_LIMIT_RPS: 0, RDEV_PROJECT_REQUESTS: 'cpu=10m,memory=32Mi' },
};

(RDEV_IMAGE ? describe : describe.skip)('the chart, installed', () => {
  let notes = '';
  let client: HttpClient;
  let installedAt = 0;

  afterAll(() => release.remove());

  test('is accepted by the API server in every part', async () => {
    await release.kubectl('create', 'namespace', release.namespace);
    // Objects of namespaces that do not exist yet would be refused: these go into the one that does.
    const objects = render(
      {
        ...values,
        projects: { ...values.projects, namespace: release.namespace, createNamespace: false, quota: { pods: '10' } },
        autoscaling: { enabled: true },
        ingress: { enabled: true },
        metrics: { dashboard: { enabled: true } },
      },
      ['--namespace', release.namespace, ...(await apiVersions())],
    );
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    const args = ['apply', '--dry-run=server', '--namespace', release.namespace, '--filename=-', '--output=name'];
    const env = { ...process.env, KUBECONFIG: kubeconfigs()[0]?.path };
    const { stdout, stderr } = spawnSync(toolPath('kubectl'), args, {
      input: JSON.stringify(list),
      encoding: 'utf8',
      env,
    });
    expect(stderr).not.toMatch(/error/i);
    expect(stdout.trim().split('\n')).toHaveLength(objects.length);
  });

  test('leads from helm install to the first byte of a command by its notes alone', async () => {
    installedAt = Date.now();
    notes = await release.install(values);
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
      await eventually(() => output.includes('"data":"hello 1\\n"'), 60_000).catch((error: unknown) => {
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
    client = await release.client();
  });

  test('passes helm test', async () => {
    expect(await release.helm(['test', release.name, '--timeout', '60s'])).toContain('Succeeded');
  });

  test('is restarted and upgraded under load without losing a command, a byte or a request', async () => {
    const lines = 400;
    const script = `for i in $(seq 1 ${lines}); do echo line $i; sleep 0.1; done`;
    const adminKey = await release.adminKey();
    const stop = new AbortController();
    const long = await Promise.all([1, 2, 3, 4].map(() => startCommand(client, 'hello', script)));
    const followers = Promise.all(long.map(({ id }) => follow(client, id, stop.signal)));
    const short = new ShortCommands(client, 'hello');
    try {
      await release.kubectl('rollout', 'restart', 'deployment/rdev');
      await release.kubectl('rollout', 'status', 'deployment/rdev', '--timeout=90s');
      await release.helm(['upgrade', release.name, 'helm/rdev', '--values', '-', '--wait', '--timeout', '90s'], {
        ...values,
        podAnnotations: { upgraded: 'yes' },
      });
      await short.stop();
      for (const transcript of await followers) {
        expect(transcript.end).toMatchObject({ status: 'succeeded' });
        expect(transcript.gaps).toEqual([]);
        expect(transcript.text()).toBe(Array.from({ length: lines }, (_, i) => `line ${i + 1}\n`).join(''));
      }
    } finally {
      stop.abort();
      await short.stop();
      await followers.catch(() => undefined);
    }
    expect(short.failures).toEqual([]);
    expect(short.ids.length).toBeGreaterThan(20);
    for (const id of short.ids) expect((await ended(client, id)).status).toBe('succeeded');
    expect(await release.adminKey()).toBe(adminKey);
  });

  test('leaves nothing but what its README says when it is uninstalled', async () => {
    expectStatus(await client.request('DELETE', '/v1/projects/hello?keepStorage=true'), 204);
    await eventually(async () => (await release.objects(release.projectsNamespace)).every(isKept), 60_000, 500);
    await release.helm(['uninstall', release.name, '--wait', '--timeout', '60s']);
    await eventually(async () => (await release.objects()).every((name) => name.startsWith('persistent')), 60_000, 500);
    expect(await release.objects()).toEqual(['persistentvolumeclaim/data-rdev-postgresql-0']);
    const kept = await release.objects(release.projectsNamespace);
    expect(kept).toEqual([expect.stringMatching(/^persistentvolumeclaim\//)]);
  });
});

/** What the chart itself has in the projects' namespace, and the storage of the project. */
const isKept = (name: string): boolean => /^(persistentvolumeclaim|role\.rbac|rolebinding\.rbac)/.test(name);

/** The versions that the server knows, for `helm template`. */
async function apiVersions(): Promise<string[]> {
  const text = await release.kubectl('api-versions');
  const { serverVersion } = JSON.parse(await release.kubectl('version', '--output=json'));
  const known = text
    .trim()
    .split('\n')
    .flatMap((version) => ['--api-versions', version]);
  return ['--kube-version', serverVersion.gitVersion, ...known];
}
