import { readFileSync } from 'node:fs';
import { loadYaml } from '@kubernetes/client-node';
import { ClusterStub } from './support/cluster-stub.js';
import { type KubeObject, find, helm, CHART, podsOf, refusal, render } from './support/helm.js';

const bundled = { database: { bundled: { enabled: true } } };
const podOf = (objects: readonly KubeObject[], name: string): any => {
  const found = podsOf(objects).find((pod) => pod.name === name);
  if (!found) throw new Error(`There is no ${name}.`);
  return found;
};
const API = 'Deployment rdev';
const JOB = 'Job rdev-migration';
const TEST = 'Pod rdev-test';
const DATABASE = 'StatefulSet rdev-postgresql';
const asSecret = (name: string, data: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'rdev' },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
});

describe('what a platform team sets', () => {
  it('adds volumes, containers and objects to the API', () => {
    const objects = render({
      image: { digest: `sha256:${'a'.repeat(64)}` },
      extraVolumes: [{ name: 'more', emptyDir: {} }],
      extraVolumeMounts: [{ name: 'more', mountPath: '/more' }],
      initContainers: [{ name: 'first', image: 'first:1' }],
      extraContainers: [{ name: 'beside', image: 'beside:1' }],
      extraObjects: [
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Release.Name }}-object' } },
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ include "rdev.fullname" . }}-text }',
      ],
      deploymentAnnotations: { reloader: 'on' },
      livenessProbe: { periodSeconds: 30 },
    });
    const { spec } = podOf(objects, API);
    expect(spec.volumes).toContainEqual({ name: 'more', emptyDir: {} });
    expect(spec.containers[0].volumeMounts).toContainEqual({ name: 'more', mountPath: '/more' });
    expect(spec.containers[0].image).toBe(`rdev/api:0.1.0@sha256:${'a'.repeat(64)}`);
    expect(spec.containers[0].livenessProbe).toMatchObject({ periodSeconds: 30, httpGet: { path: '/health' } });
    expect(spec.initContainers.map(({ name }: any) => name)).toEqual(['first']);
    expect(spec.containers.map(({ name }: any) => name)).toEqual(['api', 'beside']);
    find(objects, 'ConfigMap', 'rdev-object');
    find(objects, 'ConfigMap', 'rdev-text');
    expect(find(objects, 'Deployment').metadata.annotations).toEqual({ reloader: 'on' });
  });

  it('reaches every pod, unless a pod has settings of its own', () => {
    const shared = {
      priorityClassName: 'high',
      nodeSelector: { pool: 'a' },
      tolerations: [{ operator: 'Exists' }],
      hostAliases: [{ ip: '10.0.0.5', hostnames: ['db.internal'] }],
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['10.0.0.1'] },
      imagePullSecrets: [{ name: 'registry' }],
    };
    const own = {
      annotations: { 'sidecar.istio.io/inject': 'false' },
      labels: { mesh: 'off' },
      nodeSelector: { pool: 'b' },
      affinity: { nodeAffinity: {} },
      priorityClassName: '',
    };
    const external = { ...shared, migration: { pod: own }, test: { pod: own } };
    const pods = [
      ...podsOf(render(external)),
      podOf(render({ ...shared, database: { bundled: { enabled: true, pod: own } } }), DATABASE),
    ];
    expect(pods.map(({ name }) => name).sort()).toEqual([API, JOB, TEST, DATABASE].sort());
    for (const { name, metadata, spec } of pods) {
      const { priorityClassName, nodeSelector, ...others } = shared;
      expect(spec).toMatchObject(others);
      if (name === API) expect(spec).toMatchObject({ priorityClassName, nodeSelector });
      else {
        expect(spec).toMatchObject({ nodeSelector: own.nodeSelector, affinity: own.affinity });
        expect(spec).not.toHaveProperty('priorityClassName');
        expect(metadata.annotations).toMatchObject(own.annotations);
        expect(metadata.labels).toMatchObject(own.labels);
      }
    }
  });

  it('leaves users to the cluster, as OpenShift wants it', () => {
    const podSecurityContext = { runAsUser: null, runAsGroup: null, fsGroup: null };
    for (const more of [{}, { database: { bundled: { enabled: true, runAsUser: null } } }]) {
      for (const { spec } of podsOf(render({ podSecurityContext, ...more }))) {
        expect(spec.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      }
    }
  });

  it.each([
    [{}, '1000'],
    [{ runAsUser: 4_000_000 }, '4000000'],
    [{ runAsUser: null }, 'none'],
  ])('gives projects with %j the user %s', (projects, value) => {
    const [{ env }] = podOf(render({ projects }), API).spec.containers;
    expect(env).toContainEqual({ name: 'RDEV_PROJECT_USER', value });
  });

  it('labels every object and every pod, and selects by none of these labels', () => {
    const commonLabels = { team: 'platform', 'app.kubernetes.io/version': 'mine' };
    for (const values of [
      {},
      { ...bundled, httpRoute: { enabled: true, parentRefs: [{ name: 'g' }] }, policy: { a: 1 } },
    ]) {
      const objects = render({ commonLabels, ...values });
      for (const { metadata, spec } of objects) {
        expect(metadata.labels).toMatchObject({ team: 'platform', 'app.kubernetes.io/version': '0.1.0' });
        expect(spec?.selector?.matchLabels ?? {}).not.toHaveProperty('team');
      }
      for (const { metadata } of podsOf(objects)) expect(metadata.labels).toMatchObject({ team: 'platform' });
    }
  });

  it('reaches the pods of projects', () => {
    const projects = {
      runtimeClassName: 'gvisor',
      nodeSelector: { pool: 'projects' },
      tolerations: [{ key: 'projects', operator: 'Exists' }],
      labels: { team: 'a' },
      annotations: { 'sidecar.istio.io/inject': 'false' },
      gracePeriodSeconds: 30,
      dnsEgress: [{ ports: [{ port: 5353 }] }],
    };
    const [{ env }] = podOf(render({ projects }), API).spec.containers;
    const given = Object.fromEntries(env.map(({ name, value }: any) => [name, value]));
    expect(given).toMatchObject({ RDEV_PROJECT_RUNTIME_CLASS: 'gvisor', RDEV_PROJECT_GRACE_SECONDS: '30' });
    const json = ['NODE_SELECTOR', 'TOLERATIONS', 'LABELS', 'ANNOTATIONS', 'DNS_EGRESS'];
    expect(json.map((name) => JSON.parse(given[`RDEV_PROJECT_${name}`]))).toEqual([
      projects.nodeSelector,
      projects.tolerations,
      projects.labels,
      projects.annotations,
      projects.dnsEgress,
    ]);
  });

  it('has the policy as a value, whose change replaces the pods', () => {
    const pod = (rule: string): any => podOf(render({ policy: { rules: [{ name: rule }] } }), API);
    const [before, after] = [pod('a'), pod('b')];
    expect(before.metadata.annotations['checksum/policy']).not.toBe(after.metadata.annotations['checksum/policy']);
    expect(before.spec.containers[0].env).toContainEqual({
      name: 'RDEV_POLICY_FILE',
      value: '/etc/rdev/policy/policy.yaml',
    });
    expect(before.spec.volumes).toContainEqual({ name: 'policy', configMap: { name: 'rdev-policy' } });
    expect(refusal({ policy: { rules: [] }, config: { RDEV_POLICY_FILE: '/x' } })).toContain('RDEV_POLICY_FILE');
  });

  it('keeps disruptions within what it says', () => {
    expect(find(render(), 'PodDisruptionBudget').spec.unhealthyPodEvictionPolicy).toBe('AlwaysAllow');
    const pdb = { maxUnavailable: '50%', unhealthyPodEvictionPolicy: 'IfHealthyBudget' };
    expect(find(render({ pdb }), 'PodDisruptionBudget').spec).toMatchObject(pdb);
    const old = render({}, ['--kube-version', '1.26.0']);
    expect(find(old, 'PodDisruptionBudget').spec).not.toHaveProperty('unhealthyPodEvictionPolicy');
  });
});

describe('the way in', () => {
  it('has several hosts, each with its certificate', () => {
    const extraHosts = [{ host: 'b.test', tlsSecretName: 'b' }, { host: 'c.test' }];
    const { rules, tls } = find(
      render({ ingress: { enabled: true, host: 'a.test', tlsSecretName: 'a', extraHosts } }),
      'Ingress',
    ).spec;
    expect(rules.map(({ host }: any) => host)).toEqual(['a.test', 'b.test', 'c.test']);
    expect(tls).toEqual([
      { hosts: ['a.test'], secretName: 'a' },
      { hosts: ['b.test'], secretName: 'b' },
    ]);
  });

  it('is a route of a gateway, whose streams stay open', () => {
    const httpRoute = { enabled: true, parentRefs: [{ name: 'public' }], hostnames: ['a.test'], path: '/rdev' };
    const { parentRefs, hostnames, rules } = find(render({ httpRoute }), 'HTTPRoute').spec;
    expect({ parentRefs, hostnames }).toEqual({ parentRefs: [{ name: 'public' }], hostnames: ['a.test'] });
    expect(rules).toEqual([
      {
        matches: [{ path: { type: 'PathPrefix', value: '/rdev' } }],
        filters: [
          { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } } },
        ],
        timeouts: { request: '0s' },
        backendRefs: [{ name: 'rdev', port: 80 }],
      },
    ]);
    expect(refusal({ httpRoute: { enabled: true } })).toContain('parentRefs');
  });

  it('is open to helm test whoever else may come in', () => {
    const ingressFrom = [{ podSelector: { matchLabels: { role: 'client' } } }];
    const objects = render({ networkPolicy: { ingressFrom, dnsPorts: [5353] } });
    const { ingress, egress } = find(objects, 'NetworkPolicy').spec;
    expect(ingress[0]._from[0]).toEqual(ingressFrom[0]);
    expect(podOf(objects, TEST).metadata.labels).toMatchObject(ingress[0]._from[1].podSelector.matchLabels);
    expect(egress[0].ports.map(({ port }: any) => port)).toEqual([5353, 5353]);
  });

  it('has a Service with the fields of a load balancer', () => {
    const service = { type: 'LoadBalancer', spec: { loadBalancerClass: 'internal' } };
    expect(find(render({ service }), 'Service').spec).toMatchObject({
      type: 'LoadBalancer',
      loadBalancerClass: 'internal',
    });
  });
});

describe('PostgreSQL', () => {
  it.each([
    ['Secret', { caSecret: 'ca' }, { secret: { secretName: 'ca' } }],
    ['ConfigMap', { caConfigMap: 'ca', caKey: 'root.pem', mode: 'verify-ca' }, { configMap: { name: 'ca' } }],
  ])('is verified with a CA of a %s, by the API and the job', (_kind, tls, volume) => {
    for (const more of [{}, { existingSecret: 'pg', urlKey: 'url' }]) {
      const objects = render({ database: { tls, ...more } });
      for (const name of [API, JOB]) {
        const { containers, volumes } = podOf(objects, name).spec;
        expect(containers[0].env).toEqual(
          expect.arrayContaining([
            { name: 'POSTGRES_SSLMODE', value: 'mode' in tls ? tls.mode : 'verify-full' },
            { name: 'POSTGRES_CA_FILE', value: '/etc/rdev/database-ca/ca.crt' },
          ]),
        );
        expect(volumes.find((each: any) => each.name === 'database-ca')).toMatchObject(volume);
        expect(containers[0].volumeMounts.map(({ mountPath }: any) => mountPath)).toContain('/etc/rdev/database-ca');
      }
    }
  });

  it.each([
    [{ url: 'postgres://u:p:1@db.test:6432/x' }, {}, [6432]],
    [
      { url: 'postgres://db.test/x', direct: 'postgres://[fd00::1]:5433/x?a=b:1' },
      { directUrlKey: 'direct' },
      [5432, 5433],
    ],
  ])('is reached at the port of %j', async (data, more, ports) => {
    await using cluster = await ClusterStub.with([asSecret('pg', data)]);
    const database = { existingSecret: 'pg', urlKey: 'url', ...more };
    const { egress } = find(await cluster.render({ database }), 'NetworkPolicy').spec;
    expect(egress.at(-1).ports.map(({ port }: any) => port)).toEqual(ports);
  });

  it('that is bundled gets ready under the longest names, and under two that begin alike', () => {
    const name = (end: string): string => `${'n'.repeat(49)}${end}`;
    const names = ['a', 'b'].map((end) => {
      const found = render({ ...bundled, fullnameOverride: name(end) }).find(({ kind }) => kind === 'StatefulSet');
      return found?.metadata.name ?? '';
    });
    // controller-revision-hash has the name, a dash and ten characters.
    for (const each of names) expect(each.length).toBeLessThanOrEqual(52);
    expect(new Set(names).size).toBe(2);
  });

  it('that is not there is reported within a minute, and by Helm with what the job wrote', () => {
    const job = find(render(), 'Job', 'rdev-migration');
    expect(job.spec.backoffLimit).toBeLessThanOrEqual(1);
    // Helm gives up after 300 s, and says nothing of the job then.
    expect(job.spec.activeDeadlineSeconds).toBeLessThan(300);
    expect(job.metadata.annotations['helm.sh/hook-output-log-policy']).toBe('hook-failed');
    const annotations = { 'argocd.argoproj.io/sync-wave': '1', 'helm.sh/hook-weight': '5' };
    expect(find(render({ migration: { annotations } }), 'Job', 'rdev-migration').metadata.annotations).toMatchObject({
      ...annotations,
      'helm.sh/hook': 'pre-install,pre-upgrade',
    });
  });
});

it('shows a pod of your own that the namespace admits', () => {
  const [, manifest = ''] =
    /<<'END'\n(apiVersion: v1\nkind: Pod[^]*?)\nEND/.exec(readFileSync('docs/getting-started/kubernetes.md', 'utf8')) ??
    [];
  const { metadata, spec } = loadYaml<any>(manifest);
  expect(metadata.labels).toEqual({ 'rdev.dev/project': 'own' });
  expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(spec.containers[0].securityContext).toEqual({
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
  });
});

describe('what is there already', () => {
  it('is not made up again where nobody can look', () => {
    const refused = refusal({ ...bundled, adminKey: { existingSecret: 'key' } });
    expect(refused).toMatch(/rdev-database.*database\.existingSecret/);
    expect(refusal({})).toMatch(/rdev-admin-key.*adminKey\.existingSecret/);
    const named = { adminKey: { existingSecret: 'key' }, database: { existingSecret: 'pg' } };
    expect(helm(['template', 'rdev', CHART, '--values', '-'], named).status).toBe(0);
  });

  it('needs both passwords of the bundled database where nobody can look, and the message says how to give them', () => {
    const adminKey = { existingSecret: 'key' };
    const auditKey = { existingSecret: 'audit' };
    const given = { ...bundled, adminKey, auditKey, database: { bundled: { enabled: true }, password: 'p' } };
    const refused = refusal(given);
    expect(refused).toMatch(
      /keys password and api-password.*database\.existingSecret.*database\.bundled\.apiPasswordKey/,
    );
    const database = { existingSecret: 'pg', bundled: { enabled: true, apiPasswordKey: 'api-password' } };
    const followed = { ...given, database: { ...given.database, ...database } };
    expect(helm(['template', 'rdev', CHART, '--values', '-'], followed).status).toBe(0);
  });

  it('stays, and what is missing is made, where the cluster can be asked', async () => {
    const there = asSecret('rdev-admin-key', { 'admin-key': 'kept' });
    await using cluster = await ClusterStub.with([there]);
    const objects = await cluster.render(bundled);
    expect(find(objects, 'Secret', 'rdev-admin-key').data).toEqual(there.data);
    expect(find(objects, 'Secret', 'rdev-database').data.password).toHaveLength(44);
    await using empty = await ClusterStub.with([]);
    expect(find(await empty.render(), 'Secret', 'rdev-admin-key').data['admin-key']).not.toBe(there.data['admin-key']);
  });

  it.each([
    ['an autoscaler', { autoscaling: { enabled: true } }],
    ['somebody else', { replicaCount: null }],
  ])('is the number of replicas, where %s sets it', async (_who, values) => {
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'rdev' }, spec: { replicas: 5 } };
    await using cluster = await ClusterStub.with([deployment]);
    expect(find(await cluster.render(values), 'Deployment').spec.replicas).toBe(5);
    expect(find(render(values), 'Deployment').spec).not.toHaveProperty('replicas');
  });
});
