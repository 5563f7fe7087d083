import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { inspect } from 'node:util';
import { NoCluster, clusterAddress, loadKubeConfig } from './kube-config.js';
import { KubernetesClient } from './kubernetes-client.js';

const directory = mkdtempSync(join(tmpdir(), 'kube-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function aFile(name: string, content: object | string): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const config = (name: string) => ({
  'current-context': name,
  contexts: [{ name, context: { cluster: name, user: name } }],
  clusters: [{ name, cluster: { server: `https://${name}.example` } }],
  users: [{ name, user: { token: 'the-token' } }],
});
const load = (kubeconfigPath: string) => loadKubeConfig({ mode: 'kubeconfig', kubeconfigPath, namespace: 'a' });

describe('loadKubeConfig', () => {
  test('merges several files, of which the first decides', async () => {
    const loaded = await load([aFile('one', config('one')), aFile('two', config('two'))].join(delimiter));
    expect(loaded.getCurrentCluster()?.server).toBe('https://one.example');
    expect(loaded.getContexts().map(({ name }) => name)).toEqual(['one', 'two']);
  });

  test('says which file is missing', async () => {
    await expect(load(join(directory, 'absent'))).rejects.toThrow(/absent" cannot be read: ENOENT/);
  });

  test('does not quote a file that it cannot parse', async () => {
    await expect(load(aFile('broken', 'users: [{token: the-token'))).rejects.toThrow(
      /broken" cannot be parsed\. Set KUBECONFIG to \S/,
    );
  });

  test('refuses a file without a current context', async () => {
    await expect(load(aFile('empty', { ...config('one'), 'current-context': '' }))).rejects.toThrow(
      'no current context',
    );
  });

  test('reports that it is not in a cluster', async () => {
    await expect(loadKubeConfig({ mode: 'in-cluster', namespace: 'a' })).rejects.toThrow('not in a Kubernetes pod');
  });

  test('says what to set, in one line, for every error', async () => {
    const noUrl = { ...config('one'), clusters: [{ name: 'one', cluster: { server: 'nowhere' } }] };
    for (const path of [join(directory, 'absent'), aFile('none', '{{{'), aFile('null', ''), aFile('no-url', noUrl)]) {
      const problem = await load(path).catch((error: unknown) => error);
      expect(problem).toBeInstanceOf(NoCluster);
      expect((problem as Error).message).toMatch(
        /^RDEV_RUNTIME=kubernetes needs .*KUBECONFIG.*RDEV_RUNTIME=local.*\.$/,
      );
    }
  });

  test('returns the address without a request', async () => {
    const options = { mode: 'kubeconfig', kubeconfigPath: aFile('one', config('one')), namespace: 'a' } as const;
    expect(await clusterAddress(options)).toBe('https://one.example');
  });

  test('prints no token when the client is logged', async () => {
    const client = await KubernetesClient.open({
      mode: 'kubeconfig',
      kubeconfigPath: aFile('three', config('three')),
      namespace: 'a',
    });
    expect(inspect(client, { depth: 20, showHidden: true }) + JSON.stringify(client)).not.toContain('the-token');
  });
});
