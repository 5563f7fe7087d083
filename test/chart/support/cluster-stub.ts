import { spawn } from 'node:child_process';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadAllYaml } from '@kubernetes/client-node';
import { CHART, type KubeObject, type Values, toolPath } from './helm.js';

/** What the chart has by default: helm looks each kind up before it is content. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  v1: ['Namespace', 'Secret', 'ConfigMap', 'Service', 'ServiceAccount'],
  'apps/v1': ['Deployment', 'StatefulSet'],
  'policy/v1': ['PodDisruptionBudget'],
  'batch/v1': ['Job'],
  'autoscaling/v2': ['HorizontalPodAutoscaler'],
  'networking.k8s.io/v1': ['NetworkPolicy'],
  'rbac.authorization.k8s.io/v1': ['Role', 'RoleBinding'],
};

/** As much of an API server as `lookup` asks for: the objects that are there, in the namespace `rdev`. */
export class ClusterStub {
  private constructor(private readonly server: Server) {}

  static async with(objects: readonly KubeObject[]): Promise<ClusterStub> {
    const server = createServer(({ url = '' }, response) => {
      const body = answer(new URL(url, 'http://stub').pathname, objects);
      response.writeHead(body === null ? 404 : 200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(body ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ClusterStub(server);
  }

  /** What the chart makes of the values where it sees these objects. */
  async render(values: Values = {}): Promise<KubeObject[]> {
    const { port } = this.server.address() as AddressInfo;
    const cluster = [
      '--dry-run=server',
      '--disable-openapi-validation',
      '--kube-apiserver',
      `http://127.0.0.1:${String(port)}`,
    ];
    const helm = spawn(toolPath('helm'), ['template', 'rdev', CHART, '-n', 'rdev', '--values', '-', ...cluster], {
      env: {
        HELM_CACHE_HOME: '/tmp/rdev-helm',
        HELM_CONFIG_HOME: '/tmp/rdev-helm',
        KUBECONFIG: '/dev/null',
        HOME: '/tmp/rdev-helm',
      },
    });
    helm.stdin.end(JSON.stringify(values));
    const [stdout, stderr, code] = await Promise.all([
      textOf(helm.stdout),
      textOf(helm.stderr),
      new Promise((resolve) => helm.on('close', resolve)),
    ]);
    if (code !== 0) throw new Error(stderr);
    return loadAllYaml(stdout).filter((object): object is KubeObject => object !== null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function answer(path: string, objects: readonly KubeObject[]): object | null {
  if (path === '/version') return { major: '1', minor: '33', gitVersion: 'v1.33.0' };
  return discovery(path) ?? stored(path, objects);
}

function discovery(path: string): object | null {
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis')
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: Object.keys(KINDS).slice(1).map(groupOf) };
  const groupVersion = path.replace(/^\/apis?\//, '');
  const kinds = KINDS[groupVersion];
  return kinds ? { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: kinds.map(resourceOf) } : null;
}

function groupOf(groupVersion: string): object {
  const [name, version] = groupVersion.split('/');
  return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } };
}

function resourceOf(kind: string): object {
  return { name: pluralOf(kind), namespaced: kind !== 'Namespace', kind, verbs: ['get', 'list', 'create', 'patch'] };
}

function pluralOf(kind: string): string {
  return kind.toLowerCase().replace(/y$/, 'ie') + 's';
}

function stored(path: string, objects: readonly KubeObject[]): object | null {
  const [, plural, name] = /\/namespaces\/rdev\/([a-z]+)(?:\/(.+))?$/.exec(path) ?? [];
  if (plural === undefined) return null;
  const items = objects.filter(({ kind }) => pluralOf(kind) === plural);
  if (name !== undefined) return ownedByRelease(items.find(({ metadata }) => metadata.name === name));
  const kind = Object.values(KINDS)
    .flat()
    .find((each) => pluralOf(each) === plural);
  return { kind: `${kind ?? ''}List`, apiVersion: items[0]?.apiVersion ?? 'v1', metadata: {}, items };
}

/** Helm takes no object that is not marked as the release's. */
function ownedByRelease(object: KubeObject | undefined): object | null {
  if (object === undefined) return null;
  const labels = { 'app.kubernetes.io/managed-by': 'Helm' };
  const annotations = {
    ...object.metadata.annotations,
    'meta.helm.sh/release-name': 'rdev',
    'meta.helm.sh/release-namespace': 'rdev',
  };
  return { ...object, metadata: { ...object.metadata, namespace: 'rdev', labels, annotations } };
}
