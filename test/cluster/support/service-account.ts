import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CoreV1Api, loadAllYaml } from '@kubernetes/client-node';
import type { TestNamespace } from './test-cluster.js';

/** Applies the documented role to the namespace and answers a token of its service account, good for ten minutes. */
export async function documentedServiceAccount(namespace: TestNamespace): Promise<string> {
  const manifest = readFileSync(join(__dirname, '..', 'rbac.yaml'), 'utf8').replaceAll('rdev-projects', namespace.name);
  for (const object of loadAllYaml(manifest)) await namespace.apply(object as object);
  const body = { spec: { audiences: [], expirationSeconds: 600 } };
  const request = { name: 'rdev', namespace: namespace.name, body };
  const answer = await namespace.client.call(CoreV1Api, (core) => core.createNamespacedServiceAccountToken(request));
  return answer.status?.token ?? '';
}
