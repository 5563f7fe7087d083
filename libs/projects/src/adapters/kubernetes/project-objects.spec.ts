import { chooseContainer } from '@app/kubernetes';
import { aProject } from '@app/projects/testing';
import type { V1PodSpec } from '@kubernetes/client-node';
import type { ManagedProject } from '../../domain/project.js';
import { ProjectDefaults } from './project-defaults.js';
import { networkPolicyOf, objectName, statefulSetOf, templateKey, volumeClaimOf } from './project-objects.js';

const RESOURCES = { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '2', memory: '2Gi' } };
const DEFAULTS = new ProjectDefaults('work:1', { size: '10Gi', className: null }, RESOURCES, ['public'], true);

function podOf(traits: Partial<ManagedProject> = {}, defaults = DEFAULTS): V1PodSpec {
  const spec = statefulSetOf(aProject(traits), defaults, 'ours').spec?.template.spec;
  if (!spec) throw new Error('There is no pod.');
  return spec;
}

/** Violations of the restricted profile. @see Kubernetes, "Pod Security Standards" */
function violations(pod: V1PodSpec): string[] {
  const found: string[] = [];
  const demand = (holds: boolean, what: string) => holds || found.push(what);
  const volumeKinds = [
    'name',
    'configMap',
    'csi',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'persistentVolumeClaim',
    'projected',
    'secret',
  ];
  demand(!pod.hostNetwork && !pod.hostPID && !pod.hostIPC, 'no namespace of the host');
  for (const volume of pod.volumes ?? [])
    demand(
      Object.keys(volume).every((kind) => volumeKinds.includes(kind)),
      `volume ${volume.name}`,
    );
  for (const { name, ports, securityContext: own } of [...pod.containers, ...(pod.initContainers ?? [])]) {
    const of = pod.securityContext;
    demand(
      (ports ?? []).every(({ hostPort }) => !hostPort),
      `${name}: no port of the host`,
    );
    demand(own?.privileged !== true, `${name}: not privileged`);
    demand(own?.allowPrivilegeEscalation === false, `${name}: no privilege escalation`);
    demand((own?.capabilities?.drop ?? []).includes('ALL'), `${name}: drops all capabilities`);
    demand((own?.capabilities?.add ?? []).length === 0, `${name}: adds none`);
    demand((own?.runAsNonRoot ?? of?.runAsNonRoot) === true, `${name}: runs as non-root`);
    demand((own?.runAsUser ?? of?.runAsUser) !== 0, `${name}: not user 0`);
    demand((own?.procMount ?? 'Default') === 'Default', `${name}: the usual /proc`);
    demand(
      ['RuntimeDefault', 'Localhost'].includes((own?.seccompProfile ?? of?.seccompProfile)?.type ?? ''),
      `${name}: seccomp`,
    );
  }
  demand((pod.securityContext?.sysctls ?? []).length === 0, 'no sysctls');
  return found;
}

const PLAIN = DEFAULTS.pod;
const withPod = (pod: Partial<typeof PLAIN>): ProjectDefaults =>
  new ProjectDefaults('work:1', DEFAULTS.storage, RESOURCES, ['public'], true, { ...PLAIN, ...pod });

describe('the objects of a project', () => {
  const everything: Partial<ManagedProject> = {
    gitUrl: 'https://example.com/x.git',
    gitSecretName: 'git',
    envFrom: [{ secretName: 'tokens' }],
    pullSecretName: 'pull',
    image: 'node:24',
  };

  it.each([
    ['with default settings', {}],
    ['with everything', everything],
  ])('meet the restricted Pod Security Standard %s', (_case, traits) => {
    expect(violations(podOf(traits))).toEqual([]);
  });

  it('would fail that check if they violated it', () => {
    const pod = podOf(everything);
    const volumes = [{ name: 'x', hostPath: { path: '/' } }];
    const bad = Object.assign(pod, { hostPID: true, securityContext: {}, volumes });
    expect(violations(bad)).toEqual(
      expect.arrayContaining(['no namespace of the host', 'volume x', 'main: runs as non-root', 'clone: seccomp']),
    );
  });

  it('give a pod no token, no service links and a read-only root', () => {
    const pod = podOf(everything);
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    for (const container of [...pod.containers, ...(pod.initContainers ?? [])])
      expect(container.securityContext?.readOnlyRootFilesystem).toBe(true);
    const writable = new ProjectDefaults('work:1', DEFAULTS.storage, RESOURCES, [], false);
    expect(podOf({}, writable).containers[0]?.securityContext?.readOnlyRootFilesystem).toBe(false);
  });

  it('show the git credentials only to the init container, as files, and the Secrets of envFrom only to the main one', () => {
    const pod = podOf(everything);
    const [clone] = pod.initContainers ?? [];
    const [main] = pod.containers;
    expect(clone?.volumeMounts?.find(({ name }) => name === 'git')).toMatchObject({ readOnly: true });
    expect(main?.volumeMounts?.some(({ name }) => name === 'git')).toBe(false);
    expect([...(clone?.env ?? []), ...(main?.env ?? [])].some(({ valueFrom }) => valueFrom)).toBe(false);
    expect(clone?.envFrom).toEqual([]);
    expect(main?.envFrom).toEqual([{ secretRef: { name: 'tokens' } }]);
    expect(podOf({ gitUrl: 'https://example.com/x.git' }).volumes?.some(({ name }) => name === 'git')).toBe(false);
    expect(podOf({}).initContainers).toEqual([]);
  });

  it('never insert client input into a script', () => {
    const hostile = '$(touch /tmp/x)`id`";\'';
    const { initContainers: [clone] = [] } = podOf({ ...everything, gitUrl: hostile, gitRef: hostile });
    expect(JSON.stringify(clone?.command)).not.toContain('touch');
    expect(clone?.env).toContainEqual({ name: 'RDEV_GIT_URL', value: hostile });
  });

  it.each([
    ['the defaults', null, RESOURCES],
    [
      'what is requested over them',
      { requests: { cpu: '1' }, limits: { memory: '4Gi' } },
      { requests: { cpu: '1', memory: '256Mi' }, limits: { cpu: '2', memory: '4Gi' } },
    ],
    [
      'a limit that grows with a request, and a request that shrinks with a limit',
      { requests: { cpu: '4' }, limits: { memory: '128Mi' } },
      { requests: { cpu: '4', memory: '128Mi' }, limits: { cpu: '4', memory: '128Mi' } },
    ],
  ])('set resources: %s', (_case, resources, expected) => {
    expect(podOf({ resources }).containers[0]?.resources).toEqual(expected);
    expect(podOf({ ...everything, resources }).initContainers?.[0]?.resources).toEqual(expected);
  });

  it('request little of resources that only have a limit, instead of the whole limit as Kubernetes would', () => {
    const limits = { cpu: '50m', memory: '2Gi', 'ephemeral-storage': '10Gi' };
    const limited = new ProjectDefaults('work:1', DEFAULTS.storage, { requests: {}, limits }, [], true);
    const { containers } = podOf({ resources: { requests: {}, limits: { memory: '1Gi' } } }, limited);
    expect(containers[0]?.resources).toEqual({
      requests: { cpu: '50m', memory: '256Mi', 'ephemeral-storage': '256Mi' },
      limits: { ...limits, memory: '1Gi' },
    });
  });

  it("have the operator's pod settings, with their own taking precedence", () => {
    const tolerations = [{ key: 'projects', operator: 'Exists' }];
    const defaults = withPod({
      runtimeClassName: 'gvisor',
      nodeSelector: { pool: 'projects' },
      tolerations,
      labels: { team: 'a', 'rdev.dev/managed': 'false' },
      annotations: { 'sidecar.istio.io/inject': 'false' },
      graceSeconds: 30,
    });
    expect(podOf({}, defaults)).toMatchObject({
      runtimeClassName: 'gvisor',
      nodeSelector: { pool: 'projects' },
      tolerations,
      terminationGracePeriodSeconds: 30,
    });
    const metadata = statefulSetOf(aProject(), defaults, 'ours').spec?.template.metadata;
    expect(metadata?.labels).toMatchObject({ team: 'a', 'rdev.dev/managed': 'true' });
    expect(metadata?.annotations).toMatchObject({ 'sidecar.istio.io/inject': 'false' });
    expect(volumeClaimOf(aProject(), defaults, 'ours').metadata?.labels).toMatchObject({ team: 'a' });
    expect(podOf()).not.toHaveProperty('runtimeClassName');
  });

  it('run as the user given by the operator, or as one of the cluster', () => {
    expect(podOf().securityContext).toMatchObject({ runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 });
    const other = podOf({}, withPod({ user: 2000 })).securityContext;
    expect(other).toMatchObject({ runAsUser: 2000, runAsGroup: 2000, fsGroup: 2000 });
    expect(podOf({}, withPod({ user: null })).securityContext).toEqual({
      runAsNonRoot: true,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    });
  });

  it('use the name server given by the operator', () => {
    const dnsEgress = [{ to: [{ namespaceSelector: {} }], ports: [{ protocol: 'UDP', port: 5353 }] }];
    const policy = networkPolicyOf(aProject({ egress: [] }), withPod({ dnsEgress }), 'ours');
    expect(policy.spec?.egress).toEqual(dnsEgress);
  });

  it("let no directory exceed the pod's disk limit", () => {
    const limitsOf = (pod: V1PodSpec) =>
      pod.volumes?.flatMap(({ name, emptyDir }) => (emptyDir ? [[name, emptyDir.sizeLimit]] : []));
    const each = (limit: string) => ['spool', 'tmp', 'home'].map((name) => [name, limit]);
    expect(limitsOf(podOf())).toEqual(each('10Gi'));
    const resources = { requests: {}, limits: { 'ephemeral-storage': '1Gi' } };
    expect(limitsOf(podOf({ resources }))).toEqual(each('1Gi'));
    expect(limitsOf(podOf({}, new ProjectDefaults('work:1', DEFAULTS.storage, resources, [], true)))).toEqual(
      each('1Gi'),
    );
  });

  it('have names and labels that identify the project, short enough for the longest id', () => {
    const project = aProject({ id: 'x'.repeat(40) });
    for (const { metadata } of [
      statefulSetOf(project, DEFAULTS, 'ours'),
      volumeClaimOf(project, DEFAULTS, 'ours'),
      networkPolicyOf(project, DEFAULTS, 'ours'),
    ]) {
      expect(metadata?.name).toBe(objectName(project.id));
      expect(metadata?.labels).toEqual({
        'rdev.dev/project': project.id,
        'rdev.dev/managed': 'true',
        'rdev.dev/install': 'ours',
        'app.kubernetes.io/managed-by': 'rdev',
      });
    }
    // A StatefulSet labels its pods with its name and a hash, and labels have at most 63 characters.
    expect(objectName(project.id).length).toBeLessThanOrEqual(52);
  });

  it('specify the container that commands run in, since others may be injected before it', () => {
    const { metadata } = statefulSetOf(aProject(), DEFAULTS, 'ours').spec?.template ?? {};
    expect(chooseContainer(metadata?.annotations ?? {}, ['mesh-proxy', 'main'])).toBe('main');
    expect(metadata?.annotations).toMatchObject({
      'kubectl.kubernetes.io/default-container': 'main',
      'rdev.dev/container': 'main',
    });
  });

  it('change their template key only with settings that the pod depends on', () => {
    const project = aProject({ image: 'a:1' });
    const key = templateKey(project);
    const same = {
      ...project,
      name: 'x',
      env: { A: '1' },
      labels: { b: 'c' },
      egress: [],
      desired: 'stopped' as const,
    };
    expect(templateKey({ ...same, ttlSeconds: 1, revision: 9 })).toBe(key);
    for (const change of [
      { image: 'a:2' },
      { restarts: 1 },
      { envFrom: [{ secretName: 's' }] },
      { pullSecretName: 'p' },
    ])
      expect(templateKey({ ...project, ...change })).not.toBe(key);
  });

  it('use the requested volume, or the default', () => {
    const spec = (storage: ManagedProject['storage'], className: string | null) =>
      volumeClaimOf({ id: 'x', storage }, { storage: { size: '10Gi', className }, pod: PLAIN }, 'ours').spec;
    expect(spec(null, null)).toEqual({ accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } });
    expect(spec({ size: '1Gi', className: 'fast' }, 'slow')).toMatchObject({
      storageClassName: 'fast',
      resources: { requests: { storage: '1Gi' } },
    });
    expect(spec({ size: null, className: null }, 'slow')).toMatchObject({ storageClassName: 'slow' });
  });

  it('allow no ingress, and egress only to the name server and the listed destinations', () => {
    const egressOf = (egress: string[] | null) =>
      networkPolicyOf({ id: 'x', egress }, { egress: ['public:443'], pod: PLAIN }, 'ours').spec;
    const none = egressOf([]);
    expect(none).toMatchObject({ policyTypes: ['Ingress', 'Egress'], ingress: [] });
    expect(none?.egress).toHaveLength(1);
    expect(none?.egress?.[0]?.ports?.map(({ port }) => port)).toEqual([53, 53]);
    expect(egressOf(['10.1.0.0/16:5432'])?.egress?.[1]).toEqual({
      to: [{ ipBlock: { cidr: '10.1.0.0/16' } }],
      ports: [{ protocol: 'TCP', port: 5432 }],
    });
    const [publicV4] = egressOf(null)?.egress?.[1]?.to ?? [];
    expect(publicV4?.ipBlock?.cidr).toBe('0.0.0.0/0');
    expect(publicV4?.ipBlock?.except).toEqual(expect.arrayContaining(['10.0.0.0/8', '169.254.0.0/16']));
  });
});
