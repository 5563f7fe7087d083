import { createHash } from 'node:crypto';
import { parseEgress, parseQuantity } from '@app/kernel';
import {
  CONTAINER_ANNOTATION,
  INSTALL_LABEL,
  KUBECTL_ANNOTATION,
  type ObservedPod,
  PROJECT_LABEL,
} from '@app/kubernetes';
import type {
  V1Container as ContainerClass,
  V1NetworkPolicy,
  V1NetworkPolicyEgressRule,
  V1PersistentVolumeClaim,
  V1PodSpec,
  V1ResourceRequirements,
  V1SecurityContext,
  V1StatefulSet,
} from '@kubernetes/client-node';
import type { ManagedProject } from '../../domain/project.js';
import { CLONE_SCRIPT, GIT_SECRET_DIRECTORY } from './clone-script.js';
import type { ProjectDefaults } from './project-defaults.js';
import { waitScript } from './wait-script.js';

/** Without its class: objects are written as literals, not constructed. */
type V1Container = Pick<ContainerClass, keyof ContainerClass>;

/** On all objects created by rdev, and on no others. */
export const MANAGED_LABEL = 'rdev.dev/managed';
/** A fingerprint of the settings that the pod was created with: another value needs a new pod. */
export const TEMPLATE_ANNOTATION = 'rdev.dev/template';
export const CLONE_CONTAINER = 'clone';
const MAIN_CONTAINER = 'main';

const HOME = '/home/rdev';
const SPOOL_DIRECTORY = '/run/rdev';
/** The request of a resource that only has a limit: Kubernetes would request the whole limit. */
const SMALL: Readonly<Record<string, string>> = { cpu: '100m', memory: '256Mi', 'ephemeral-storage': '256Mi' };
/** For each directory that is removed with the pod, if nothing limits the pod's disk usage. */
const SCRATCH_MAX = '10Gi';
/** Addresses that are not of the public internet. @see RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 */
const PRIVATE_V4 = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', '127.0.0.0/8'];
const PRIVATE_V6 = ['fc00::/7', 'fe80::/10', '::1/128'];

/** The name of all objects of a project except its pod; always the same. */
export function objectName(projectId: string): string {
  return `rdev-${projectId}`;
}

export function podName(projectId: string): string {
  return `${objectName(projectId)}-0`;
}

/** Created by rdev for a project in the repository, which may have been deleted since. */
export function isManagedPod({ labels }: Pick<ObservedPod, 'labels'>): boolean {
  return labels[MANAGED_LABEL] === 'true';
}

/** Created by a release without identities: only the install that has the project knows its owner. */
export function isOfAnUnknownInstall({ labels }: Pick<ObservedPod, 'labels'>): boolean {
  return isManagedPod({ labels }) && labels[INSTALL_LABEL] === undefined;
}

/** Whether it is the pod that rdev created for the project; other pods may carry its label too. */
export function isPodOf(projectId: string, { name, ownerName }: Pick<ObservedPod, 'name' | 'ownerName'>): boolean {
  return name === podName(projectId) && ownerName === objectName(projectId);
}

/**
 * A fingerprint of all settings that a pod depends on and a client can change. The operator's changes apply at the next
 * start.
 */
export function templateKey({ image, pullSecretName, envFrom, resources, restarts }: ManagedProject): string {
  const settings = JSON.stringify([image, pullSecretName, envFrom, resources, restarts]);
  return createHash('sha256').update(settings).digest('hex').slice(0, 16);
}

export function statefulSetOf(project: ManagedProject, defaults: ProjectDefaults, install: string): V1StatefulSet {
  const labels = labelsOf(project.id, defaults, install);
  const annotations = { [TEMPLATE_ANNOTATION]: templateKey(project) };
  // A service mesh may inject containers before ours.
  const container = { [CONTAINER_ANNOTATION]: MAIN_CONTAINER, [KUBECTL_ANNOTATION]: MAIN_CONTAINER };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: objectName(project.id), labels, annotations },
    spec: {
      replicas: project.desired === 'running' ? 1 : 0,
      serviceName: objectName(project.id),
      selector: { matchLabels: selectorOf(project.id) },
      // With ordered updates, a pod that never gets ready would never be replaced.
      podManagementPolicy: 'Parallel',
      template: {
        metadata: { labels, annotations: { ...defaults.pod.annotations, ...annotations, ...container } },
        spec: podOf(project, defaults),
      },
    },
  };
}

export function volumeClaimOf(
  { id, storage }: Pick<ManagedProject, 'id' | 'storage'>,
  defaults: Pick<ProjectDefaults, 'storage' | 'pod'>,
  install: string,
): V1PersistentVolumeClaim {
  const storageClassName = storage?.className ?? defaults.storage.className;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: objectName(id), labels: labelsOf(id, defaults, install) },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: storage?.size ?? defaults.storage.size } },
      ...(storageClassName !== null && { storageClassName }),
    },
  };
}

/** Allows no ingress; egress only to the cluster's name server and the listed destinations. */
export function networkPolicyOf(
  { id, egress }: Pick<ManagedProject, 'id' | 'egress'>,
  defaults: Pick<ProjectDefaults, 'egress' | 'pod'>,
  install: string,
): V1NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: objectName(id), labels: labelsOf(id, defaults, install) },
    spec: {
      podSelector: { matchLabels: selectorOf(id) },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [],
      egress: [...nameServer(defaults), ...(egress ?? defaults.egress).map(egressOf)],
    },
  };
}

function nameServer({ pod: { dnsEgress } }: Pick<ProjectDefaults, 'pod'>): readonly V1NetworkPolicyEgressRule[] {
  return dnsEgress ?? [NAME_SERVER];
}

const NAME_SERVER: V1NetworkPolicyEgressRule = {
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
  to: [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    },
    // The conventional address of a node-local name server.
    { ipBlock: { cidr: '169.254.20.10/32' } },
  ],
};

function egressOf(text: string): V1NetworkPolicyEgressRule {
  const rule = parseEgress(text);
  if (rule === null) throw new Error(`"${text}" is not an egress rule.`);
  const { destination, port } = rule;
  const to =
    destination === 'public'
      ? [{ ipBlock: { cidr: '0.0.0.0/0', except: PRIVATE_V4 } }, { ipBlock: { cidr: '::/0', except: PRIVATE_V6 } }]
      : [{ ipBlock: { cidr: destination } }];
  return { to, ...(port !== null && { ports: [{ protocol: 'TCP', port }] }) };
}

function podOf(project: ManagedProject, defaults: ProjectDefaults): V1PodSpec {
  const { id, gitUrl, gitSecretName, pullSecretName } = project;
  const { user } = defaults.pod;
  const main = containerOf(project, defaults);
  // A limit for the whole pod: exceeding it evicts the pod, and ends everything that runs there.
  const sizeLimit = main.resources?.limits?.['ephemeral-storage'] ?? SCRATCH_MAX;
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: defaults.pod.graceSeconds,
    ...(defaults.pod.runtimeClassName !== null && { runtimeClassName: defaults.pod.runtimeClassName }),
    nodeSelector: { ...defaults.pod.nodeSelector },
    tolerations: [...defaults.pod.tolerations],
    securityContext: {
      runAsNonRoot: true,
      ...(user !== null && { runAsUser: user, runAsGroup: user, fsGroup: user }),
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    imagePullSecrets: pullSecretName === null ? [] : [{ name: pullSecretName }],
    initContainers: gitUrl === null ? [] : [cloneContainerOf(project, main)],
    containers: [main],
    volumes: [
      { name: 'workspace', persistentVolumeClaim: { claimName: objectName(id) } },
      ...['spool', 'tmp', 'home'].map((name) => ({ name, emptyDir: { sizeLimit } })),
      ...(gitUrl === null || gitSecretName === null
        ? []
        : [{ name: 'git', secret: { secretName: gitSecretName, defaultMode: 0o440 } }]),
    ],
  };
}

function containerOf({ image, envFrom, resources }: ManagedProject, defaults: ProjectDefaults): V1Container {
  return {
    name: MAIN_CONTAINER,
    image: image ?? defaults.image,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', waitScript(SPOOL_DIRECTORY)],
    workingDir: '/workspace',
    env: [{ name: 'HOME', value: HOME }],
    envFrom: envFrom.map(({ secretName }) => ({ secretRef: { name: secretName } })),
    resources: resourcesOf(resources, defaults.resources),
    securityContext: securityContext(defaults),
    volumeMounts: [
      { name: 'workspace', mountPath: '/workspace' },
      { name: 'spool', mountPath: SPOOL_DIRECTORY },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'home', mountPath: HOME },
    ],
  };
}

/** Same image and limits as the main container, but without its Secrets and with the git credentials. */
function cloneContainerOf({ gitUrl, gitRef, gitSecretName }: ManagedProject, main: V1Container): V1Container {
  const mounts = (main.volumeMounts ?? []).filter(({ name }) => name !== 'spool');
  return {
    ...main,
    name: CLONE_CONTAINER,
    command: ['sh', '-c', CLONE_SCRIPT],
    env: [
      ...(main.env ?? []),
      { name: 'RDEV_GIT_URL', value: gitUrl ?? '' },
      { name: 'RDEV_GIT_REF', value: gitRef ?? '' },
      { name: 'GIT_TERMINAL_PROMPT', value: '0' },
      { name: 'GIT_ALLOW_PROTOCOL', value: 'git:http:https:ssh' },
    ],
    envFrom: [],
    volumeMounts:
      gitSecretName === null ? mounts : [...mounts, { name: 'git', mountPath: GIT_SECRET_DIRECTORY, readOnly: true }],
    // Git's message becomes the project's reason.
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

function securityContext({ readOnlyRoot }: ProjectDefaults): V1SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: readOnlyRoot,
  };
}

/** The request over the defaults; a default is lowered if a request would otherwise exceed its limit. */
function resourcesOf(
  asked: ManagedProject['resources'],
  { requests: least, limits: most }: ProjectDefaults['resources'],
): V1ResourceRequirements {
  const requests: Record<string, string> = { ...least, ...asked?.requests };
  const limits: Record<string, string> = { ...most, ...asked?.limits };
  for (const [name, limit] of Object.entries(limits)) requests[name] ??= smaller(SMALL[name] ?? limit, limit);
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name];
    if (limit === undefined || (parseQuantity(request) ?? 0) <= (parseQuantity(limit) ?? Infinity)) continue;
    if (asked?.limits[name] === undefined) limits[name] = request;
    else if (asked.requests[name] === undefined) requests[name] = limit;
  }
  return { requests, limits };
}

function smaller(a: string, b: string): string {
  return (parseQuantity(a) ?? 0) <= (parseQuantity(b) ?? Infinity) ? a : b;
}

function selectorOf(id: string): Record<string, string> {
  return { [PROJECT_LABEL]: id, [MANAGED_LABEL]: 'true' };
}

function labelsOf(
  id: string,
  { pod: { labels } }: Pick<ProjectDefaults, 'pod'>,
  install: string,
): Record<string, string> {
  return { ...labels, ...selectorOf(id), [INSTALL_LABEL]: install, 'app.kubernetes.io/managed-by': 'rdev' };
}
