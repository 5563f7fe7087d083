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

/** A DNS-1123 label, short enough for the names that are made of it. */
export const PROJECT_ID = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

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
  /** Seconds without a running command until it is stopped; null: never. */
  readonly idleStopSeconds: number | null;
  /** Whether a command starts it when it is stopped. */
  readonly wakeOnCommand: boolean;
}

/**
 * A project that the API created, as it is kept. Its variables, which may be 1 MiB, are read where they are used: at
 * the start of a command.
 */
export interface ManagedProject extends Omit<ProjectSpec, 'env'> {
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
  /** The volume that its files are on; null if none was seen yet. */
  readonly volume: string | null;
  /** A volume of it has gone with the files, and no client has acted on that yet. */
  readonly volumeLost: boolean;
}

/** What may change of a project once it is there. */
export type ProjectChange = Partial<
  Pick<
    ManagedProject & ProjectSpec,
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
    | 'volumeLost'
  >
>;

/** How a project is, and why in words. */
export interface Condition {
  readonly status: ProjectStatus;
  readonly reason: string | null;
}

/** What was found when a project was looked after. */
export interface Finding extends Condition {
  /** Identifies the volume that its files are on: another than before is an empty one. Absent if none is seen. */
  readonly volume?: string;
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

const VOLUME_LOST = 'the volume was deleted with all files of the project, and another one took its place';

/** The reason of a project, which says what it has lost until a client acts on that. */
export function withLoss({ volumeLost }: Pick<ManagedProject, 'volumeLost'>, reason: string | null): string | null {
  if (!volumeLost || reason?.startsWith(VOLUME_LOST)) return reason;
  return [`${VOLUME_LOST}. Restart the project to confirm that you know`, ...(reason === null ? [] : [reason])].join(
    '; ',
  );
}

/** Whether a command for it may wait in the queue until it runs. */
export function canWake({ status, wakeOnCommand }: ManagedProject): boolean {
  return wakeOnCommand && (status === 'pending' || status === 'stopping' || status === 'stopped');
}

/** Whether the change takes a new pod, and ends what runs in the old one. */
export function needsRestart(change: ProjectChange): boolean {
  return ['image', 'pullSecretName', 'envFrom', 'resources'].some((field) => field in change);
}

/** Where a project is in a list. */
export type PlaceInList = Pick<ObservedProject, 'createdAt' | 'id'>;

/** Newest first; ids break ties, so that the order is total. */
export function byAge(a: PlaceInList, b: PlaceInList): number {
  return b.createdAt.getTime() - a.createdAt.getTime() || Number(a.id < b.id) - Number(a.id > b.id);
}

export function hasLabels(project: Pick<ObservedProject, 'labels'>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => project.labels[name] === value);
}
