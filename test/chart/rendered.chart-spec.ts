import { createHash, createPrivateKey } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { crc32 } from 'node:zlib';
import { loadAllYaml, loadYaml } from '@kubernetes/client-node';
import { ClusterStub } from './support/cluster-stub.js';
import { CHART, type KubeObject, type Values, find, helm, podsOf, refusal, render } from './support/helm.js';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const bundled = { database: { bundled: { enabled: true } } };
const everything: Values = {
  ...bundled,
  projects: { quota: { pods: '20' } },
  ingress: { enabled: true, className: 'nginx', tlsSecretName: 'tls', host: 'rdev.test' },
  autoscaling: { enabled: true },
  metrics: {
    serviceMonitor: { enabled: true },
    prometheusRule: { enabled: true },
    dashboard: { enabled: true },
  },
};
const matrix: Record<string, Values> = {
  defaults: {},
  bundled,
  everything,
  'database by password': { database: { host: 'db.test', password: 'p"a\'$s' } },
  'database by Secret': {
    database: { existingSecret: 'pg' },
    adminKey: { existingSecret: 'key', secretKey: 'k' },
    auditKey: { existingSecret: 'audit' },
  },
  'database by URL': { database: { existingSecret: 'pg', urlKey: 'url', directUrlKey: 'direct' } },
  'nothing optional': {
    replicaCount: 1,
    migration: { enabled: false },
    pdb: { enabled: false },
    networkPolicy: { enabled: false },
    projects: { createNamespace: false },
    rbac: { create: false },
    serviceAccount: { create: false },
  },
};
const rendered = Object.fromEntries(Object.entries(matrix).map(([name, values]) => [name, render(values)]));
const cases = Object.entries(rendered);
const of = (name: string): KubeObject[] => rendered[name] ?? [];
const containers = (spec: any): any[] => [...(spec.initContainers ?? []), ...spec.containers];
const api = (objects: readonly KubeObject[]): any => find(objects, 'Deployment').spec.template.spec.containers[0];
const envOf = (objects: readonly KubeObject[]): Record<string, any> =>
  Object.fromEntries(
    api(objects).env.map(({ name, value, valueFrom }: any) => [name, value ?? valueFrom.secretKeyRef]),
  );

describe.each(cases)('rendered with %s', (_name, objects) => {
  it('holds the objects that it should', () => {
    expect(
      objects.map(
        ({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name.replace(/-[0-9a-f]{8}$/, '-…')}`,
      ),
    ).toMatchSnapshot();
  });

  it('has pods that meet the restricted Pod Security Standard, on a read-only root, and know what they may use', () => {
    for (const { spec } of podsOf(objects)) {
      expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(spec.securityContext.runAsUser).toBeGreaterThan(0);
      for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) expect(spec).not.toHaveProperty(key);
      for (const volume of spec.volumes ?? []) expect(Object.keys(volume).join()).toMatch(/emptyDir|configMap|secret/);
      for (const container of containers(spec)) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources).toMatchObject({
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { memory: expect.any(String), 'ephemeral-storage': expect.any(String) },
        });
        expect(container.image).toMatch(/:(?!latest$)[^/]+$/);
      }
    }
  });

  it('gives a token to the API and to nobody else', () => {
    for (const { name, spec } of podsOf(objects)) {
      expect([name, spec.automountServiceAccountToken]).toEqual([name, name === 'Deployment rdev']);
    }
  });

  it('names namespaces and labels everywhere, and selects its own pods by them', () => {
    for (const { kind, metadata, spec } of objects) {
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/instance': 'rdev' });
      if (kind !== 'Namespace') expect(metadata.namespace).toMatch(/^rdev(-projects)?$/);
      if (kind === 'Deployment' || kind === 'StatefulSet') {
        expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
      }
    }
    const { spec: service } = find(objects, 'Service');
    expect(find(objects, 'Deployment').spec.template.metadata.labels).toMatchObject(service.selector);
  });
});

describe('the API', () => {
  const deployment = find(of('defaults'), 'Deployment').spec;

  it('has two replicas that keep apart and are replaced without one missing', () => {
    expect(deployment.replicas).toBe(2);
    expect(deployment.strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    const { affinity, topologySpreadConstraints, terminationGracePeriodSeconds } = deployment.template.spec;
    const [preferred] = affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    for (const { labelSelector } of [preferred.podAffinityTerm, ...topologySpreadConstraints]) {
      expect(labelSelector).toEqual(deployment.selector);
    }
    // 19 s until the process leaves at the latest, after the time in which it goes on serving.
    expect(terminationGracePeriodSeconds).toBeGreaterThan(20 + 5);
    expect(api(of('defaults')).lifecycle.preStop.exec.command).toEqual(['sleep', '5']);
    expect(find(of('defaults'), 'PodDisruptionBudget').spec.maxUnavailable).toBe(1);
  });

  it('is asked whether it lives and whether it is ready', () => {
    const { startupProbe, livenessProbe, readinessProbe, ports } = api(of('defaults'));
    expect(livenessProbe.httpGet).toEqual({ path: '/health', port: 'http' });
    expect(readinessProbe.httpGet).toEqual({ path: '/ready', port: 'http' });
    expect(startupProbe.httpGet).toEqual(livenessProbe.httpGet);
    // A migration that waits for a lock gives up after 120 s.
    expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBeGreaterThan(120);
    expect(ports).toEqual([
      { name: 'http', containerPort: 8080, protocol: 'TCP' },
      { name: 'metrics', containerPort: 9464, protocol: 'TCP' },
    ]);
  });

  it('leaves the number of replicas to the autoscaler', () => {
    expect(find(of('everything'), 'Deployment').spec).not.toHaveProperty('replicas');
  });

  it('is told where things are', () => {
    expect(envOf(of('defaults'))).toMatchObject({
      RDEV_RUNTIME: 'kubernetes',
      RDEV_NAMESPACE: 'rdev-projects',
      HOST: '0.0.0.0',
      METRICS_PORT: '9464',
      RDEV_WORKSPACE_IMAGE: 'rdev/workspace:0.1.0',
      RDEV_ADMIN_KEY: { name: 'rdev-admin-key', key: 'admin-key' },
      RDEV_AUDIT_KEY: { name: 'rdev-audit-key', key: 'audit-key', optional: true },
      POSTGRES_HOST: 'postgres.databases.svc',
    });
    expect(envOf(of('defaults'))).not.toHaveProperty('POSTGRES_PASSWORD');
    expect(envOf(of('bundled'))).toMatchObject({
      POSTGRES_HOST: 'rdev-postgresql',
      POSTGRES_USER: 'rdev_api',
      POSTGRES_PASSWORD: { name: 'rdev-database', key: 'api-password' },
    });
    expect(envOf(of('database by Secret'))).toMatchObject({
      RDEV_ADMIN_KEY: { name: 'key', key: 'k' },
      POSTGRES_PASSWORD: { name: 'pg', key: 'password' },
    });
    expect(envOf(of('database by URL'))).toMatchObject({
      DATABASE_URL: { name: 'pg', key: 'url' },
      DATABASE_DIRECT_URL: { name: 'pg', key: 'direct' },
    });
    expect(envOf(of('database by URL'))).not.toHaveProperty('POSTGRES_HOST');
  });

  it('gets more variables as text, whatever they are', () => {
    const config = { CONCURRENT_COMMANDS: 10, RDEV_OUTPUT_LIMIT_MAX_BYTES: 1073741824, TRUST_PROXY: '10.0.0.0/8' };
    expect(envOf(render({ config }))).toMatchObject({
      CONCURRENT_COMMANDS: '10',
      RDEV_OUTPUT_LIMIT_MAX_BYTES: '1073741824',
      TRUST_PROXY: '10.0.0.0/8',
    });
  });
});

describe('rights', () => {
  it('are those of the documented role, in the namespace of the projects only', () => {
    const documented = loadAllYaml(readFileSync('test/cluster/rbac.yaml', 'utf8')) as KubeObject[];
    const objects = of('defaults');
    const role = find(objects, 'Role');
    expect(role.rules).toEqual(find(documented, 'Role').rules);
    expect(role.metadata.namespace).toBe('rdev-projects');
    expect(objects.map(({ kind }) => kind)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^Cluster/)]));
    expect(find(objects, 'RoleBinding')).toMatchObject({
      metadata: { namespace: 'rdev-projects' },
      roleRef: { kind: 'Role', name: 'rdev' },
      subjects: [{ kind: 'ServiceAccount', name: 'rdev', namespace: 'rdev' }],
    });
  });
});

describe('secrets', () => {
  const text = (objects: readonly KubeObject[], name: string, key: string): string =>
    Buffer.from(find(objects, 'Secret', name).data[key], 'base64').toString();

  it('have an Ed25519 key for the audit log', () => {
    const pem = text(of('defaults'), 'rdev-audit-key', 'audit-key');
    expect(createPrivateKey(pem).asymmetricKeyType).toBe('ed25519');
  });

  it('have an admin key that the API takes, another one each time', () => {
    const keys = [of('defaults'), of('bundled'), of('everything')].map((objects) =>
      text(objects, 'rdev-admin-key', 'admin-key'),
    );
    for (const key of keys) {
      const [, body = '', checksum = ''] = /^(rdev_[0-9A-Za-z]{8}_[0-9A-Za-z]{32})([0-9A-Za-z]{6})$/.exec(key) ?? [];
      expect(Array.from(checksum).reduce((sum, digit) => sum * 62 + BASE62.indexOf(digit), 0)).toBe(crc32(body));
      expect(body).not.toBe('');
    }
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('keep a password as it is, also for the job that runs before there is anything else', () => {
    for (const name of ['rdev-database', 'rdev-migration']) {
      expect(text(of('database by password'), name, 'password')).toBe('p"a\'$s');
    }
  });

  it('are in no digest that guesses can be tried against', () => {
    const database = { host: 'db.test', password: 'hunter2' };
    const objects = render({ database });
    const text = JSON.stringify(objects);
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512'])
      for (const encoding of ['hex', 'base64'] as const)
        expect(text).not.toContain(createHash(algorithm).update(database.password).digest(encoding));
    const clear = objects.filter(({ kind }) => kind !== 'Secret');
    expect(JSON.stringify(clear)).not.toContain(Buffer.from(database.password).toString('base64'));
  });

  it('restart the API when an upgrade brings another password, and only then', async () => {
    const values = (password: string): Values => ({ database: { host: 'db.test', password } });
    const annotations = async (password: string, before: readonly KubeObject[]) => {
      await using cluster = await ClusterStub.with(before);
      const objects = await cluster.render(values(password));
      return { objects, restartedBy: find(objects, 'Deployment').spec.template.metadata.annotations };
    };
    const secretsOf = (objects: readonly KubeObject[]) => objects.filter(({ kind }) => kind === 'Secret');
    const first = await annotations('one', []);
    const same = await annotations('one', secretsOf(first.objects));
    const other = await annotations('two', secretsOf(same.objects));
    const again = await annotations('two', secretsOf(other.objects));
    const revisions = [first, same, other, again].map(({ restartedBy }) => restartedBy);
    expect(revisions).toEqual(['1', '1', '2', '2'].map((revision) => ({ 'rdev.dev/password-revision': revision })));
  });

  it('are not made where others are named', () => {
    expect(of('database by Secret').filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });
});

describe('migrations', () => {
  const hookOf = (objects: readonly KubeObject[]): string =>
    find(objects, 'Job', 'rdev-migration').metadata.annotations['helm.sh/hook'];

  it('run before an install and before upgrades, never before a rollback', () => {
    expect(hookOf(of('defaults'))).toBe('pre-install,pre-upgrade');
  });

  const bundledJob = (objects: readonly KubeObject[]): KubeObject => objects.find(({ kind }) => kind === 'Job')!;

  it('are part of the release with the bundled database, and another Job whenever they differ', () => {
    const jobs = ['a', 'a', 'b'].map((tag) => bundledJob(render({ ...bundled, image: { tag } })));
    expect(jobs[0]!.metadata.annotations).toBeUndefined();
    const names = jobs.map(({ metadata }) => metadata.name);
    expect(names[0]).toMatch(/^rdev-migration-[0-9a-f]{8}$/);
    expect([names[1] === names[0], names[2] === names[0]]).toEqual([true, false]);
    const long = bundledJob(render({ ...bundled, fullnameOverride: 'a'.repeat(50) })).metadata.name;
    expect(long.length).toBeLessThanOrEqual(63);
  });

  const variablesOf = (container: any): Record<string, unknown> =>
    Object.fromEntries(
      (container.env ?? []).map(({ name, value, valueFrom }: any) => [name, value ?? valueFrom?.secretKeyRef]),
    );
  /** Which pods get something of the owner. */
  const ownersIn = (objects: readonly KubeObject[]): string[] =>
    podsOf(objects)
      .filter(({ spec }) => JSON.stringify(containers(spec).map(variablesOf)).includes('OWNER'))
      .map(({ name }) => name.replace(/-[0-9a-f]{8}$/, ''));

  it('run as the owner of the tables, which the API never does', () => {
    const job = bundledJob(of('bundled')).spec.template.spec.containers[0];
    expect(variablesOf(job)).toMatchObject({
      POSTGRES_USER: 'rdev_api',
      POSTGRES_PASSWORD: { name: 'rdev-database', key: 'api-password' },
      POSTGRES_OWNER_USER: 'rdev',
      POSTGRES_OWNER_PASSWORD: { name: 'rdev-database', key: 'password' },
    });
    const database = find(of('bundled'), 'StatefulSet', 'rdev-postgresql').spec.template.spec.containers[0];
    expect(variablesOf(database)).toMatchObject({
      POSTGRES_USER: 'rdev',
      POSTGRES_PASSWORD: { key: 'password' },
      POSTGRES_API_USER: 'rdev_api',
      POSTGRES_API_PASSWORD: { key: 'api-password' },
    });
    const byValue = render({ database: { host: 'db.test', ownerUrl: 'postgres://o:p@db.test/rdev' } });
    const byKey = render({ database: { existingSecret: 'pg', urlKey: 'url', ownerUrlKey: 'owner' } });
    const env = (objects: readonly KubeObject[]) => variablesOf(bundledJob(objects).spec.template.spec.containers[0]);
    expect(env(byValue).DATABASE_OWNER_URL).toEqual({ name: 'rdev-migration', key: 'owner-url' });
    expect(env(byKey)).toMatchObject({
      DATABASE_URL: { key: 'url' },
      DATABASE_OWNER_URL: { name: 'pg', key: 'owner' },
    });
    for (const objects of [of('bundled'), byValue, byKey]) expect(ownersIn(objects)).toEqual(['Job rdev-migration']);
    const holders = byValue.filter(({ kind, data }) => kind === 'Secret' && data['owner-url'] !== undefined);
    // Only while the job runs.
    expect(holders.map(({ metadata }) => metadata.annotations['helm.sh/hook-delete-policy'])).toEqual([
      'before-hook-creation,hook-succeeded,hook-failed',
    ]);
    for (const name of ['defaults', 'database by password']) expect(ownersIn(of(name))).toEqual([]);
    expect(refusal({ database: { ownerUrl: 'mysql://db' } })).toMatch(/ownerUrl/);
  });

  it('wait for the bundled database, also if the first attempt gets no answer', () => {
    const script = bundledJob(of('bundled')).spec.template.spec.initContainers[0].args[0] as string;
    const sockets: EventEmitter[] = [];
    const exits: number[] = [];
    /** A socket of which nothing is heard, but the time-out that was asked for. */
    const connect = ({ timeout }: { timeout?: number }): EventEmitter => {
      const socket = Object.assign(new EventEmitter(), { destroy: (error: Error) => socket.emit('error', error) });
      sockets.push(socket);
      if (timeout !== undefined && sockets.length === 1) setImmediate(() => socket.emit('timeout'));
      return socket;
    };
    jest.useFakeTimers();
    try {
      const process = { exit: (code: number) => exits.push(code) };
      runInNewContext(script, { require: () => ({ connect }), process, console, setTimeout });
      jest.advanceTimersByTime(5_000);
      expect(sockets).toHaveLength(2);
      sockets[1]!.emit('connect');
      expect(exits).toEqual([0]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('are left to the API, as the owner, if the Secret of the bundled database has one password', () => {
    const database = { existingSecret: 'pg', bundled: { enabled: true } };
    const one = render({ database });
    expect([one.some(({ kind }) => kind === 'Job'), envOf(one).POSTGRES_USER]).toEqual([false, 'rdev']);
    const two = render({ database: { ...database, bundled: { enabled: true, apiPasswordKey: 'api' } } });
    expect(envOf(two)).toMatchObject({ POSTGRES_USER: 'rdev_api', POSTGRES_PASSWORD: { name: 'pg', key: 'api' } });
  });

  it('keep both passwords of the bundled database over upgrades, also from a release with one', async () => {
    const data = { password: Buffer.from('former').toString('base64') };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'rdev-database' }, data };
    const upgraded = async (from: KubeObject): Promise<KubeObject> => {
      await using cluster = await ClusterStub.with([from]);
      return find(await cluster.render(bundled), 'Secret', 'rdev-database');
    };
    const first = await upgraded(secret);
    expect(first.data.password).toBe(data.password);
    expect(first.data['api-password']).toMatch(/^[A-Za-z0-9+/]{30,}=*$/);
    expect((await upgraded(first)).data).toEqual(first.data);
  });

  it('use nothing of the release, which is not there yet', () => {
    const { spec } = find(of('database by password'), 'Job', 'rdev-migration').spec.template;
    expect(spec).not.toHaveProperty('serviceAccountName');
    const secrets = spec.containers[0].env.flatMap(({ valueFrom }: any) => valueFrom?.secretKeyRef.name ?? []);
    expect(secrets).toEqual(['rdev-migration']);
  });
});

describe('the network', () => {
  it('keeps metrics away from the Ingress and from a Service that the world reaches', () => {
    const [rule] = find(of('everything'), 'Ingress').spec.rules;
    expect(rule.http.paths.map(({ backend }: any) => backend.service)).toEqual([
      { name: 'rdev', port: { name: 'http' } },
    ]);
    const objects = render({ service: { type: 'LoadBalancer' } });
    expect(find(objects, 'Service').spec.ports.map(({ name }: any) => name)).toEqual(['http']);
    expect(find(objects, 'Service', 'rdev-metrics').spec.type).toBeUndefined();
  });

  it('says where clients reach the API', () => {
    expect(envOf(render({ publicUrl: 'https://rdev.test/rdev' }))).toMatchObject({
      RDEV_PUBLIC_URL: 'https://rdev.test/rdev',
    });
    expect(envOf(of('defaults'))).not.toHaveProperty('RDEV_PUBLIC_URL');
    expect(refusal({ publicUrl: 'rdev.test/rdev' })).toMatch(/publicUrl/);
  });

  it('lets event streams through the Ingress as they come', () => {
    const annotations = { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '60', mine: 'yes' };
    const { metadata } = find(render({ ingress: { enabled: true, annotations } }), 'Ingress');
    expect(metadata.annotations).toMatchObject({
      'nginx.ingress.kubernetes.io/proxy-buffering': 'off',
      'nginx.ingress.kubernetes.io/proxy-read-timeout': '60',
      mine: 'yes',
    });
    const { metadata: bare } = find(render({ ingress: { enabled: true, nginxAnnotations: false } }), 'Ingress');
    expect(bare.annotations).toEqual({});
  });

  it('limits what the API and the bundled database talk to', () => {
    const policy = find(of('bundled'), 'NetworkPolicy').spec;
    expect(policy.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(policy.egress.flatMap(({ ports }: any) => ports.map(({ port }: any) => port))).toEqual([
      53, 53, 443, 6443, 5432,
    ]);
    const database = find(of('bundled'), 'NetworkPolicy', 'rdev-postgresql').spec;
    expect(database.egress).toBeUndefined();
    expect(
      database.ingress[0]._from.map(({ podSelector }: any) => podSelector.matchLabels['app.kubernetes.io/component']),
    ).toEqual(['api', 'migration']);
  });
});

describe('on servers of different age', () => {
  const versions = (options: string[]): string[] =>
    render({ autoscaling: { enabled: true } }, options)
      .filter(({ kind }) => /Budget|Autoscaler/.test(kind))
      .map(({ apiVersion }) => apiVersion)
      .sort();

  it('uses the API that they have', () => {
    const present = ['--kube-version', '1.31.0', '--api-versions', 'policy/v1', '--api-versions', 'autoscaling/v2'];
    expect(versions(present)).toEqual(['autoscaling/v2', 'policy/v1']);
    expect(() => versions(['--kube-version', '1.19.0'])).toThrow('incompatible with Kubernetes v1.19.0');
  });
});

describe('metrics', () => {
  it('are scraped from a port of the Service, and shown by a dashboard and alerts of the same names', () => {
    const objects = of('everything');
    const monitor = find(objects, 'ServiceMonitor').spec;
    expect(find(objects, 'Service').metadata.labels).toMatchObject(monitor.selector.matchLabels);
    expect(monitor.endpoints[0].port).toBe('metrics');
    const dashboard = JSON.parse(find(objects, 'ConfigMap', 'rdev-dashboard').data['rdev.json']);
    expect(dashboard.panels).toHaveLength(22);
    const [group] = find(objects, 'PrometheusRule').spec.groups;
    expect(group.rules.map(({ alert }: any) => alert)).toContain('RdevCommandsLost');
  });
});

describe('values', () => {
  it('that are wrong are refused with what is wrong', () => {
    expect(refusal({ replicaCount: 'two' })).toMatch(/replicaCount.*got string, want null or integer/);
    expect(refusal({ replicas: 3 })).toContain("additional properties 'replicas' not allowed");
    expect(refusal({ image: { tag: 'latest' } })).toContain('/image/tag');
    expect(refusal({ config: { RDEV_ADMIN_KEY: 'x' } })).toContain('RDEV_ADMIN_KEY');
    expect(refusal({ config: { RDEV_POLICYFILE: 'x' } })).toContain('RDEV_POLICYFILE');
    expect(refusal({ config: { lower: 'x' } })).toContain('lower');
    expect(refusal({ terminationGracePeriodSeconds: 20 })).toContain('/terminationGracePeriodSeconds');
    expect(refusal({ projects: { namespace: 'A_b' } })).toContain('/projects/namespace');
    expect(refusal({ service: { port: 0 } })).toContain('/service/port');
    expect(refusal({ resources: { limits: { memory: 'much' } } })).toContain('/resources/limits/memory');
  });

  it('all have a description in the schema, and the schema knows no others', () => {
    const missing: string[] = [];
    const walk = (schema: any, value: any, path: string): void => {
      const isSection = schema.properties !== undefined && schema.description === undefined;
      if (!isSection && !schema.description) missing.push(path);
      if (!isSection) return;
      for (const [key, child] of Object.entries(schema.properties)) {
        if (value?.[key] === undefined && key !== 'global') missing.push(`${path}.${key} in values.yaml`);
        walk(child, value?.[key], `${path}.${key}`);
      }
    };
    const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8'));
    walk(schema, loadYaml(readFileSync(`${CHART}/values.yaml`, 'utf8')), '');
    expect(missing).toEqual([]);
  });

  it('pass helm lint', () => {
    const { status, stdout } = helm(['lint', CHART, '--strict', '--values', '-'], everything);
    expect(stdout).not.toMatch(/WARNING|ERROR/);
    expect(status).toBe(0);
  });
});
