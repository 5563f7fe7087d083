import { loadAllYaml } from '@kubernetes/client-node';
import { CHART, type KubeObject, type Values, helm, helm3 } from './support/helm.js';

const secrets = { generateSecrets: 'always' };
const matrix: Record<string, Values> = {
  defaults: secrets,
  'the bundled database': { ...secrets, database: { bundled: { enabled: true } } },
  'a URL and a CA': { ...secrets, database: { existingSecret: 'pg', urlKey: 'url', tls: { caSecret: 'ca' } } },
  'values for OpenShift': {
    ...secrets,
    podSecurityContext: { runAsUser: null, runAsGroup: null, fsGroup: null },
    projects: { runAsUser: null },
  },
  everything: {
    ...secrets,
    replicaCount: null,
    autoscaling: { enabled: true },
    ingress: { enabled: true, extraHosts: [{ host: 'b.test' }] },
    httpRoute: { enabled: true, parentRefs: [{ name: 'public' }] },
    policy: { rules: [] },
    projects: { quota: { pods: '20' }, dnsEgress: [{ ports: [{ port: 5353 }] }] },
    metrics: {
      serviceMonitor: { enabled: true },
      prometheusRule: { enabled: true },
      dashboard: { enabled: true },
    },
    extraObjects: ['apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ include "rdev.fullname" . }}-text }'],
  },
};

type Run = typeof helm;

/** What it makes of the values, but for keys and passwords, which are random. */
function rendered(run: Run, values: Values): KubeObject[] {
  const { status, stdout, stderr } = run(['template', 'rdev', CHART, '--namespace', 'rdev', '--values', '-'], values);
  if (status !== 0) throw new Error(stderr);
  return loadAllYaml(stdout)
    .filter((object): object is KubeObject => object !== null)
    .map((object) => (object.kind === 'Secret' ? { ...object, data: Object.keys(object.data) } : object));
}

it('is Helm 3 beside Helm 4', () => {
  const version = (run: Run): string => run(['version', '--short']).stdout;
  expect(version(helm3)).toMatch(/^v3\./);
  expect(version(helm)).toMatch(/^v4\./);
});

it.each(Object.entries(matrix))('with %s is the same and passes lint', (_name, values) => {
  expect(rendered(helm3, values)).toEqual(rendered(helm, values));
  const { status, stdout } = helm3(['lint', CHART, '--strict', '--values', '-'], values);
  expect(stdout).not.toMatch(/WARNING|ERROR/);
  expect(status).toBe(0);
});

it('refuses values that are wrong', () => {
  const args = ['template', 'rdev', CHART, '--values', '-'];
  expect(helm3(args, { replicas: 3 }).stderr).toMatch(/replicas.*not allowed/);
  expect(helm3(args).stderr).toMatch(/rdev-admin-key.*adminKey\.existingSecret/);
});
