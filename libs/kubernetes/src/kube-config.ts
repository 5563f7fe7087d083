import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { StartRefused } from '@app/kernel';
import type { KubeConfig } from '@kubernetes/client-node';

/** The cluster to use, and the namespace of the project pods in it. */
export interface KubernetesOptions {
  /** `in-cluster` uses the service account of our own pod, and rereads its token when the kubelet rotates it. */
  readonly mode: 'in-cluster' | 'kubeconfig';
  /** As in KUBECONFIG: one path, or several to merge. Default: `~/.kube/config`. */
  readonly kubeconfigPath?: string;
  readonly namespace: string;
}

/** No cluster is configured; the message says why, and what to set. */
export class NoCluster extends StartRefused {
  constructor(reason: string, advice: string) {
    super(`RDEV_RUNTIME=kubernetes needs a cluster: ${reason} ${advice}`);
    this.name = 'NoCluster';
  }
}

const SET_KUBECONFIG = 'Set KUBECONFIG to a kubeconfig file, or RDEV_RUNTIME=local to run commands on this machine.';

/**
 * The address of the Kubernetes API; sends no request.
 * @throws {@link NoCluster} if the credentials cannot be loaded
 */
export async function clusterAddress(options: KubernetesOptions): Promise<string> {
  return (await loadKubeConfig(options)).getCurrentCluster()?.server ?? '';
}

/**
 * Loads the credentials. client-node's default is not used: it falls back to other places and finally to
 * `http://localhost:8080`, which no operator asked for.
 * @throws {@link NoCluster}, which says what is missing or malformed
 */
export async function loadKubeConfig(options: KubernetesOptions): Promise<KubeConfig> {
  // Imported on demand: it takes up to a second to load and is not needed without a cluster.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const empty = (): KubeConfig => new KubeConfig();
  const config = options.mode === 'in-cluster' ? fromServiceAccount(empty()) : fromFiles(empty, options.kubeconfigPath);
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw new NoCluster('the kubeconfig has no current context, or its cluster is not defined.', SET_KUBECONFIG);
  if (!URL.canParse(cluster.server))
    throw new NoCluster('the address of the Kubernetes API is not a URL.', SET_KUBECONFIG);
  return config;
}

function fromServiceAccount(config: KubeConfig): KubeConfig {
  config.loadFromCluster();
  // client-node builds the address from two variables without checking that they are set.
  if (config.getCurrentCluster()?.server.includes('undefined')) {
    throw new NoCluster(
      'rdev is not in a Kubernetes pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set).',
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
      // A parser quotes the lines around a mistake, which may contain a token: only file system errors are reported.
      const code = (error as NodeJS.ErrnoException).code;
      throw new NoCluster(`the kubeconfig "${path}" cannot be ${code ? `read: ${code}` : 'parsed'}.`, SET_KUBECONFIG);
    }
    // As in kubectl, the first file with a current context decides.
    merged.mergeConfig(one, Boolean(merged.currentContext));
  }
  return merged;
}
