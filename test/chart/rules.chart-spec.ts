import { type KubeObject, type Values, podsOf, render } from './support/helm.js';

/**
 * What common linters of manifests demand, as rules. Each names the check that it follows, of kube-score (ks) or
 * kube-linter (kl). Left out, with the reason:
 * - ks container-image-pull-policy: tags are immutable here, and a digest can be given;
 * - ks container-resources (CPU limit): it would throttle a replica that has processors to itself;
 * - ks container-security-context-user-group-id, for the bundled database only: its image has the user 999.
 */
const matrix: Record<string, Values> = {
  defaults: { database: { password: 'x', tls: { caSecret: 'ca' } }, policy: { rules: [] } },
  bundled: { database: { bundled: { enabled: true } } },
  'everything on': {
    database: { bundled: { enabled: true } },
    autoscaling: { enabled: true },
    ingress: { enabled: true },
    networkPolicy: { ingressFrom: [{ podSelector: {} }] },
  },
};

interface Workload {
  readonly name: string;
  readonly metadata: any;
  readonly spec: any;
}
type PodRule = (workload: Workload) => boolean;
type ContainerRule = (container: any, workload: Workload) => boolean;

const isLongRunning = ({ name }: Workload): boolean => /^(Deployment|StatefulSet)/.test(name);
const isDatabase = ({ name }: Workload): boolean => name.startsWith('StatefulSet');
const containersOf = ({ spec }: Workload): any[] => [...(spec.initContainers ?? []), ...spec.containers];
const portNames = ({ spec }: Workload): (string | number)[] =>
  spec.containers.flatMap(({ ports = [] }: any) =>
    ports.flatMap(({ name, containerPort }: any) => [name, containerPort]),
  );
const isSubset = (part: Record<string, string>, whole: Record<string, string>): boolean =>
  Object.entries(part).every(([key, value]) => whole[key] === value);

const podRules: Record<string, PodRule> = {
  'PSS host namespaces; kl host-network, host-pid, host-ipc': ({ spec }) =>
    !spec.hostNetwork && !spec.hostPID && !spec.hostIPC,
  'PSS volume types; kl sensitive-host-mounts, docker-sock': ({ spec }) =>
    (spec.volumes ?? []).every((volume: any) =>
      Object.keys(volume).every((key) =>
        /^(name|configMap|csi|downwardAPI|emptyDir|ephemeral|persistentVolumeClaim|projected|secret)$/.test(key),
      ),
    ),
  'PSS sysctls; kl unsafe-sysctls': ({ spec }) => !spec.securityContext.sysctls,
  'PSS seccomp': ({ spec }) => spec.securityContext.seccompProfile.type === 'RuntimeDefault',
  'PSS non-root; kl run-as-non-root': ({ spec }) => spec.securityContext.runAsNonRoot === true,
  'ks container-security-context-user-group-id': (workload) =>
    isDatabase(workload) ||
    (workload.spec.securityContext.runAsUser > 10_000 && workload.spec.securityContext.runAsGroup > 10_000),
  'kl deprecated-service-account-field': ({ spec }) => !spec.serviceAccount,
  'ks pod-probes; kl no-readiness-probe': (workload) =>
    !isLongRunning(workload) || workload.spec.containers.every(({ readinessProbe }: any) => readinessProbe),
  'ks pod-probes-identical': ({ spec }) =>
    spec.containers.every(
      ({ livenessProbe, readinessProbe }: any) =>
        !livenessProbe || JSON.stringify(livenessProbe.httpGet) !== JSON.stringify(readinessProbe.httpGet),
    ),
  'kl liveness-port, readiness-port, startup-port': (workload) =>
    workload.spec.containers.every((container: any) =>
      ['livenessProbe', 'readinessProbe', 'startupProbe'].every((probe) => {
        const { httpGet, tcpSocket } = container[probe] ?? {};
        const action = httpGet ?? tcpSocket;
        return !action || portNames(workload).includes(action.port);
      }),
    ),
  'kl no-anti-affinity; ks deployment-has-host-podantiaffinity': ({ name, spec }) =>
    !name.startsWith('Deployment') || spec.affinity?.podAntiAffinity !== undefined,
};

const containerRules: Record<string, ContainerRule> = {
  'PSS and kl privileged-container, unsafe-proc-mount': ({ securityContext }) =>
    !securityContext.privileged && !securityContext.procMount,
  'PSS and kl privilege-escalation-container': ({ securityContext }) =>
    securityContext.allowPrivilegeEscalation === false,
  'PSS capabilities; kl drop-net-raw-capability': ({ securityContext: { capabilities } }) =>
    capabilities.drop.includes('ALL') && !capabilities.add,
  'PSS host ports; kl ssh-port': ({ ports = [] }) =>
    ports.every(({ hostPort, containerPort }: any) => !hostPort && containerPort !== 22),
  'ks container-security-context-readonlyrootfilesystem; kl no-read-only-root-fs': ({ securityContext }) =>
    securityContext.readOnlyRootFilesystem === true,
  'ks container-image-tag; kl latest-tag': ({ image }) => /:(?!latest$)[^/:]+$/.test(image),
  'kl unset-cpu-requirements, unset-memory-requirements': ({ resources: { requests, limits } }) =>
    requests.cpu && requests.memory && limits.memory,
  'ks container-ephemeral-storage-request-and-limit': ({ resources: { requests, limits } }) =>
    requests['ephemeral-storage'] && limits['ephemeral-storage'],
  'kl env-var-secret': ({ env = [] }) =>
    env.every(({ name, value }: any) => !/PASSWORD|ADMIN_KEY|DATABASE_URL/.test(name) || value === undefined),
  'ks environment-variable-key-duplication; kl duplicate-env-var': ({ env = [] }) =>
    new Set(env.map(({ name }: any) => name)).size === env.length,
};

function brokenPodRules(objects: readonly KubeObject[]): string[] {
  return podsOf(objects).flatMap((workload) => [
    ...Object.entries(podRules).flatMap(([rule, holds]) => (holds(workload) ? [] : [`${workload.name}: ${rule}`])),
    ...containersOf(workload).flatMap((container) =>
      Object.entries(containerRules).flatMap(([rule, holds]) =>
        holds(container, workload) ? [] : [`${workload.name}, ${container.name}: ${rule}`],
      ),
    ),
  ]);
}

describe.each(Object.entries(matrix))('rendered with %s', (_name, values) => {
  const objects = render(values);
  const pods = podsOf(objects);
  const ofKind = (kind: string): KubeObject[] => objects.filter((object) => object.kind === kind);
  const selected = (selector: Record<string, string>): Workload[] =>
    pods.filter(({ metadata }) => isSubset(selector, metadata.labels));

  it('breaks no rule about pods and containers', () => {
    expect(brokenPodRules(objects)).toEqual([]);
  });

  it('has Services, policies and budgets that select pods, and ports that these have (kl dangling-service, invalid-target-ports)', () => {
    for (const { spec } of ofKind('Service')) {
      const [target] = selected(spec.selector);
      for (const { targetPort } of spec.ports) expect(target && portNames(target)).toContain(targetPort);
    }
    for (const kind of ['NetworkPolicy', 'PodDisruptionBudget', 'Deployment', 'StatefulSet']) {
      for (const { spec } of ofKind(kind)) {
        expect(selected((spec.podSelector ?? spec.selector).matchLabels)).toHaveLength(1);
      }
    }
    for (const { spec } of ofKind('Ingress')) {
      for (const { http } of spec.rules) {
        expect(ofKind('Service').map(({ metadata }) => metadata.name)).toContain(http.paths[0].backend.service.name);
      }
    }
  });

  it('limits the network of all that runs on (ks pod-networkpolicy)', () => {
    for (const workload of pods.filter(isLongRunning)) {
      const policies = ofKind('NetworkPolicy').filter(({ spec }) =>
        isSubset(spec.podSelector.matchLabels, workload.metadata.labels),
      );
      expect(policies.flatMap(({ spec }) => spec.policyTypes)).toEqual(expect.arrayContaining(['Ingress', 'Egress']));
    }
  });

  it('survives drains (ks deployment-has-poddisruptionbudget, deployment-replicas; kl pdb-*)', () => {
    const [budget] = ofKind('PodDisruptionBudget');
    expect(budget?.spec).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
    const [deployment] = ofKind('Deployment');
    const [autoscaler] = ofKind('HorizontalPodAutoscaler');
    expect(deployment?.spec.replicas ?? autoscaler?.spec.minReplicas).toBeGreaterThan(1);
    // ks deployment-targeted-by-hpa-does-not-have-replicas-configured
    expect(deployment?.spec.replicas === undefined).toBe(autoscaler !== undefined);
  });

  it('uses accounts that are there, and cleans up after jobs (kl non-existent-service-account, job-ttl-seconds-after-finished)', () => {
    const accounts = ofKind('ServiceAccount').map(({ metadata }) => metadata.name);
    for (const { spec } of pods) if (spec.serviceAccountName) expect(accounts).toContain(spec.serviceAccountName);
    for (const { spec } of ofKind('Job')) expect(spec.ttlSecondsAfterFinished).toBeGreaterThan(0);
    for (const { spec } of ofKind('StatefulSet')) {
      expect(ofKind('Service').map(({ metadata }) => metadata.name)).toContain(spec.serviceName);
    }
  });
});

it('finds what breaks a rule', () => {
  const broken = render({
    containerSecurityContext: { readOnlyRootFilesystem: false },
    podSecurityContext: { runAsUser: 1000 },
    extraEnv: [{ name: 'PORT', value: '1' }],
  });
  expect(brokenPodRules(broken)).toEqual(
    expect.arrayContaining([
      'Deployment rdev: ks container-security-context-user-group-id',
      'Job rdev-migration, migration: ks container-security-context-readonlyrootfilesystem; kl no-read-only-root-fs',
      'Deployment rdev, api: ks environment-variable-key-duplication; kl duplicate-env-var',
    ]),
  );
});
