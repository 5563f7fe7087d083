import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { StartRefused } from '@app/kernel';
import type { KubeConfig } from '@kubernetes/client-node';

/** Which cluster to talk to, and where in it the pods of projects live. */
export interface KubernetesOptions {
  /** `in-cluster` uses the service account of our own pod; its token is read again as the kubelet rotates it. */
  readonly mode: 'in-cluster' | 'kubeconfig';
  /** As in the variable KUBECONFIG: a path, or several to be merged. Default: `~/.kube/config`. */
  readonly kubeconfigPath?: string;
  readonly namespace: string;
}

/** There is no way to a cluster; the message says why, and what to set. */
export class NoCluster extends StartRefused {
  constructor(reason: string, advice: string) {
    super(`RDEV_RUNTIME=kubernetes needs a cluster, and there is none: ${reason} ${advice}`);
    this.name = 'NoCluster';
  }
}

const SET_KUBECONFIG =
  'Set KUBECONFIG to the file of a cluster, or RDEV_RUNTIME=local to run commands on this machine.';

/** The address of the Kubernetes API, which is not asked. @throws {@link NoCluster} if the credentials cannot be loaded */
export async function clusterAddress(options: KubernetesOptions): Promise<string> {
  return (await loadKubeConfig(options)).getCurrentCluster()?.server ?? '';
}

/**
 * Loads the credentials. client-node's own default is not used: where it finds nothing, it turns to other places,
 * and in the end to `http://localhost:8080`, which is not what anybody asked for.
 * @throws {@link NoCluster}, which says what is missing or malformed
 */
export async function loadKubeConfig(options: KubernetesOptions): Promise<KubeConfig> {
  // It takes up to a second to load, which who runs rdev without a cluster need not wait for.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const empty = (): KubeConfig => new KubeConfig();
  const config = options.mode === 'in-cluster' ? fromServiceAccount(empty()) : fromFiles(empty, options.kubeconfigPath);
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw new NoCluster('the kubeconfig has no current context, or its cluster is not in the file.', SET_KUBECONFIG);
  if (!URL.canParse(cluster.server))
    throw new NoCluster('the address of the Kubernetes API is not a URL.', SET_KUBECONFIG);
  return config;
}

function fromServiceAccount(config: KubeConfig): KubeConfig {
  config.loadFromCluster();
  // client-node builds the address from two variables and does not look whether they are there.
  if (config.getCurrentCluster()?.server.includes('undefined')) {
    throw new NoCluster(
      'not in a Kubernetes pod, as KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set.',
      SET_KUBECONFIG,
    );
  }
  return config;
}

function fromFiles(empty: () => KubeConfig, paths = join(homedir(), '.kube', 'config')): KubeConfig {
  const merged = empty();
  for (const path of paths.split(delimiter).filter(Boolean)) {
    const one = empty();
    try {
      one.loadFromFile(path);
    } catch (error) {
      // A parser quotes the lines around a mistake, and they may hold a token: only errors of the file system are told.
      const code = (error as NodeJS.ErrnoException).code;
      throw new NoCluster(`the kubeconfig "${path}" cannot be ${code ? `read: ${code}` : 'parsed'}.`, SET_KUBECONFIG);
    }
    // As kubectl does: the first file with a current context decides.
    merged.mergeConfig(one, Boolean(merged.currentContext));
  }
  return merged;
}
