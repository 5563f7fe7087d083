import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';

/** Which cluster to talk to, and where in it the pods of projects live. */
export interface KubernetesOptions {
  /** `in-cluster` uses the service account of our own pod; its token is read again as the kubelet rotates it. */
  readonly mode: 'in-cluster' | 'kubeconfig';
  /** As in the variable KUBECONFIG: a path, or several to be merged. Default: `~/.kube/config`. */
  readonly kubeconfigPath?: string;
  readonly namespace: string;
}

/**
 * Loads the credentials. client-node's own default is not used: where it finds nothing, it turns to other places,
 * and in the end to `http://localhost:8080`, which is not what anybody asked for.
 * @throws an Error that says what is missing or malformed
 */
export async function loadKubeConfig(options: KubernetesOptions): Promise<KubeConfig> {
  // It takes up to a second to load, which who runs rdev without a cluster need not wait for.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const empty = (): KubeConfig => new KubeConfig();
  const config = options.mode === 'in-cluster' ? fromServiceAccount(empty()) : fromFiles(empty, options.kubeconfigPath);
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error('The kubeconfig has no current context, or its cluster is not in the file.');
  if (!URL.canParse(cluster.server)) throw new Error('The address of the Kubernetes API is not a URL.');
  return config;
}

function fromServiceAccount(config: KubeConfig): KubeConfig {
  config.loadFromCluster();
  // client-node builds the address from two variables and does not look whether they are there.
  if (config.getCurrentCluster()?.server.includes('undefined')) {
    throw new Error('Not in a Kubernetes pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set.');
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
      throw new Error(`The kubeconfig "${path}" cannot be ${code ? `read: ${code}` : 'parsed'}.`);
    }
    // As kubectl does: the first file with a current context decides.
    merged.mergeConfig(one, Boolean(merged.currentContext));
  }
  return merged;
}
