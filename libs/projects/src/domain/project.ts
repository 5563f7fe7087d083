export const PROJECT_STATUSES = [
  'pending',
  'running',
  'stopping',
  'stopped',
  'failed',
  'terminating',
  'unknown',
] as const;
export type ProjectStatus = (typeof PROJECT_STATUSES)[number];

export type RuntimeKind = 'local' | 'kubernetes';

/** What is to be: what `start` and `stop` change. */
export type DesiredState = 'running' | 'stopped';

/** Amounts by the name of the resource, as Kubernetes writes them: `{ cpu: '500m', memory: '1Gi' }`. */
export type Quantities = Readonly<Record<string, string>>;

export interface Resources {
  readonly requests: Quantities;
  readonly limits: Quantities;
}

/** What was asked for when a project was created through the API; null where the operator's default counts. */
export interface ProjectSpec {
  readonly id: string;
  readonly name: string;
  readonly gitUrl: string | null;
  readonly gitRef: string | null;
  /** Added to the environment of each command. */
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string | null;
  readonly pullSecretName: string | null;
  /** The Secret with the credentials for `gitUrl`. */
  readonly gitSecretName: string | null;
  /** Secrets whose entries are variables of each command. */
  readonly envFrom: readonly { readonly secretName: string }[];
  readonly resources: Resources | null;
  readonly storage: { readonly size: string | null; readonly className: string | null } | null;
  /** What it may reach, in the form of {@link parseEgress}. */
  readonly egress: readonly string[] | null;
  /** Deleted so long after it was created; null: never. */
  readonly ttlSeconds: number | null;
  /** Stopped when no command has run for so long; null: never. */
  readonly idleStopSeconds: number | null;
  /** Whether a command starts it when it is stopped. */
  readonly wakeOnCommand: boolean;
}

/** A project that the API created, as it is kept. */
export interface ManagedProject extends ProjectSpec {
  readonly status: ProjectStatus;
  readonly reason: string | null;
  readonly createdAt: Date;
  readonly desired: DesiredState;
  /** Grows with each change of what is wanted, so that what was seen before the change does not count after it. */
  readonly revision: number;
  /** When what is wanted was changed last. */
  readonly changedAt: Date;
  /** How often it was asked to be restarted. */
  readonly restarts: number;
  /** Whether its files stay when it goes. */
  readonly keepStorage: boolean;
}

/** What may change of a project once it is there. */
export type ProjectChange = Partial<
  Pick<
    ManagedProject,
    | 'name'
    | 'env'
    | 'labels'
    | 'image'
    | 'pullSecretName'
    | 'envFrom'
    | 'resources'
    | 'egress'
    | 'ttlSeconds'
    | 'idleStopSeconds'
    | 'wakeOnCommand'
    | 'status'
    | 'reason'
    | 'desired'
    | 'restarts'
    | 'keepStorage'
  >
>;

/** How a project is, and why in words. */
export interface Condition {
  readonly status: ProjectStatus;
  readonly reason: string | null;
}

/** What the runtime sees of a project now. */
export interface ObservedProject extends Condition {
  readonly id: string;
  readonly name: string;
  readonly image: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: string | null;
  readonly node: string | null;
  readonly createdAt: Date;
}

/** A place where commands run, put together from what was asked for and what is seen. */
export interface Project extends ObservedProject {
  readonly runtime: RuntimeKind;
  readonly lastCommandAt: Date | null;
  /** Made through the API, so that it can be changed and deleted. */
  readonly managed: boolean;
  /** The runtime does not answer: this is what was seen last. */
  readonly stale: boolean;
}

/** A managed project is what its record says; what the runtime sees adds where it runs. */
export function fromManaged(project: ManagedProject, seen: ObservedProject | null): ObservedProject {
  const { id, name, status, reason, labels, createdAt } = project;
  const { pod = null, node = null } = seen ?? {};
  return { id, name, status, reason, labels, createdAt, image: project.image ?? seen?.image ?? null, pod, node };
}

/** Whether a command for it may wait in the queue until it runs. */
export function canWake({ status, wakeOnCommand }: ManagedProject): boolean {
  return wakeOnCommand && (status === 'pending' || status === 'stopping' || status === 'stopped');
}

/** Whether the change takes a new pod, and ends what runs in the old one. */
export function needsRestart(change: ProjectChange): boolean {
  return ['image', 'pullSecretName', 'envFrom', 'resources'].some((field) => field in change);
}

/** Newest first; ids break ties, so that the order is total. */
export function byAge(a: ObservedProject, b: ObservedProject): number {
  return b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1);
}

export function hasLabels(project: ObservedProject, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => project.labels[name] === value);
}
