import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CoreV1Api, loadAllYaml } from '@kubernetes/client-node';
import { call } from '@app/kubernetes/testing';
import type { TestNamespace } from './test-cluster.js';

/** What a role allows. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** Applies the documented role to the namespace. Returns a token of its service account, valid for two hours. */
export async function documentedServiceAccount(namespace: TestNamespace): Promise<string> {
  for (const object of documented(namespace)) await namespace.apply(object);
  return tokenOf(namespace, 'rdev');
}

/** The rules of the documented role. */
export function documentedRules(namespace: TestNamespace): readonly Rule[] {
  return documented(namespace).find(({ kind }) => kind === 'Role')?.rules ?? [];
}

/** Another service account, whose role is the documented one without some verbs; answers its token. */
export async function serviceAccountWithout(
  namespace: TestNamespace,
  isLeftOut: (rule: Rule, verb: string) => boolean,
): Promise<string> {
  const name = `rdev-${randomBytes(4).toString('hex')}`;
  const metadata = { name, namespace: namespace.name };
  const rules = documentedRules(namespace)
    .map((rule) => ({ ...rule, verbs: rule.verbs.filter((verb) => !isLeftOut(rule, verb)) }))
    .filter(({ verbs }) => verbs.length > 0);
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  await namespace.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  await namespace.apply({ apiVersion, kind: 'Role', metadata, rules });
  await namespace.apply({
    apiVersion,
    kind: 'RoleBinding',
    metadata,
    roleRef,
    subjects: [{ kind: 'ServiceAccount', ...metadata }],
  });
  return tokenOf(namespace, name);
}

function documented(namespace: TestNamespace): readonly { readonly kind: string; readonly rules?: readonly Rule[] }[] {
  const manifest = readFileSync(join(__dirname, '..', 'rbac.yaml'), 'utf8').replaceAll('rdev-projects', namespace.name);
  return loadAllYaml(manifest) as { kind: string }[];
}

async function tokenOf(namespace: TestNamespace, name: string): Promise<string> {
  const body = { spec: { audiences: [], expirationSeconds: 7_200 } };
  const request = { name, namespace: namespace.name, body };
  const answer = await call(namespace.client, CoreV1Api, (core) => core.createNamespacedServiceAccountToken(request));
  return answer.status?.token ?? '';
}
