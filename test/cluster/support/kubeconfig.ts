import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';

/** Kubeconfigs derived from another one, for the time of a test. */
export class DerivedKubeconfigs {
  private readonly directory = mkdtempSync(join(tmpdir(), 'rdev-kubeconfig-'));
  private written = 0;

  /** The same cluster, by a service account's token. */
  withToken(path: string, token: string): string {
    const { cluster } = load(path);
    return this.write(cluster, { token });
  }

  /** The same cluster and user, by a way that starts at a port of this machine. */
  through(path: string, port: number): string {
    const { cluster, user } = load(path);
    const { hostname } = new URL(String(cluster.server));
    const name = isIP(hostname) ? {} : { 'tls-server-name': hostname };
    return this.write({ ...cluster, ...name, server: `https://127.0.0.1:${String(port)}` }, user);
  }

  /** The same user, at another address, over plain HTTP. */
  at(path: string, server: string): string {
    return this.write({ server, 'insecure-skip-tls-verify': true }, load(path).user);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }

  private write(cluster: object, user: object): string {
    const path = join(this.directory, String((this.written += 1)));
    const contexts = [{ name: 'test', context: { cluster: 'test', user: 'test' } }];
    const config = { contexts, clusters: [{ name: 'test', cluster }], users: [{ name: 'test', user }] };
    writeFileSync(path, JSON.stringify({ ...config, 'current-context': 'test' }), { mode: 0o600 });
    return path;
  }
}

/** Host and port of the API that a kubeconfig leads to. */
export function addressOf(path: string): { host: string; port: number } {
  const url = new URL(String(load(path).cluster.server));
  return { host: url.hostname, port: Number(url.port || 443) };
}

function load(path: string): { cluster: Record<string, unknown>; user: Record<string, unknown> } {
  const config = new KubeConfig();
  config.loadFromFile(path);
  const exported = JSON.parse(config.exportConfig()) as {
    clusters: { name: string; cluster: Record<string, unknown> }[];
    users: { name: string; user: Record<string, unknown> }[];
  };
  const cluster = exported.clusters.find(({ name }) => name === config.getCurrentCluster()?.name);
  const user = exported.users.find(({ name }) => name === config.getCurrentUser()?.name);
  if (!cluster || !user) throw new Error('The kubeconfig has no current context.');
  return { cluster: cluster.cluster, user: user.user };
}
