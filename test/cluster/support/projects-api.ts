import { type ApiProcess, type HttpClient, eventually, startApi } from '../../support/index.js';
import { DerivedKubeconfigs } from './kubeconfig.js';
import { type Rule, documentedServiceAccount, serviceAccountWithout } from './service-account.js';
import { TEST_IMAGE, TestNamespace, kubeconfigs } from './test-cluster.js';

/** Pods that need little. */
export const SMALL_PROJECTS = {
  RDEV_WORKSPACE_IMAGE: TEST_IMAGE,
  RDEV_STORAGE_SIZE: '64Mi',
  RDEV_PROJECT_REQUESTS: 'cpu=10m,memory=16Mi',
  RDEV_PROJECT_LIMITS: 'cpu=1,memory=128Mi,ephemeral-storage=256Mi',
  RDEV_PROJECT_EGRESS: 'none',
};

/** The API with the documented role, in a namespace of its own, giving projects little. */
export class ProjectsSite {
  private readonly derived = new DerivedKubeconfigs();

  private constructor(
    readonly namespace: TestNamespace,
    readonly token: string,
  ) {}

  static async open(): Promise<ProjectsSite> {
    const namespace = await TestNamespace.create();
    return new ProjectsSite(namespace, await documentedServiceAccount(namespace));
  }

  /** Of a service account whose role lacks the rules, or verbs, that are said to be left out. */
  tokenWithout(isLeftOut: (rule: Rule, verb: string) => boolean): Promise<string> {
    return serviceAccountWithout(this.namespace, isLeftOut);
  }

  async startApi(env: Readonly<Record<string, string>> = {}, token = this.token): Promise<ApiProcess> {
    const path = kubeconfigs().at(-1)?.path ?? '';
    return startApi({
      env: {
        RDEV_RUNTIME: 'kubernetes',
        RDEV_NAMESPACE: this.namespace.name,
        KUBECONFIG: this.derived.withToken(path, token),
        ...SMALL_PROJECTS,
        ...env,
      },
    });
  }

  /** The objects of a project as they are, under the name of another one: what somebody might apply by hand. */
  async copyOf(id: string, other: string): Promise<object[]> {
    const { client, name: namespace } = this.namespace;
    const name = `rdev-${id}`;
    const read = [
      ['v1', 'PersistentVolumeClaim', `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`],
      [
        'networking.k8s.io/v1',
        'NetworkPolicy',
        `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/${name}`,
      ],
      ['apps/v1', 'StatefulSet', `/apis/apps/v1/namespaces/${namespace}/statefulsets/${name}`],
    ] as const;
    return Promise.all(
      read.map(async ([apiVersion, kind, path]) => {
        const { spec } = (await client.getJson(path)) as { spec: { volumeName?: string } };
        const { volumeName: _bound, ...rest } = spec;
        const text = JSON.stringify({ apiVersion, kind, metadata: { name, namespace }, spec: rest });
        return JSON.parse(
          text.replaceAll(`"${name}"`, `"rdev-${other}"`).replaceAll(`"${id}"`, `"${other}"`),
        ) as object;
      }),
    );
  }

  async close(): Promise<void> {
    this.derived.remove();
    await this.namespace.remove();
  }
}

/** The project, once it has that status. A pod that was deleted is gone in seconds, and now and then in a minute. */
export async function projectIs(client: HttpClient, id: string, status: string, timeoutMs = 120_000): Promise<any> {
  let seen: unknown;
  const isSo = async () => {
    const { body } = await client.get(`/v1/projects/${id}`);
    seen = body;
    return body.status === status && body;
  };
  return eventually(isSo, timeoutMs, 50).catch((cause: unknown) => {
    throw new Error(`The project is not ${status}: ${JSON.stringify(seen)}`, { cause });
  });
}
