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

/** A DNS-1123 label, short enough for the names derived from it. */
export const PROJECT_ID = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

export type RuntimeKind = 'local' | 'kubernetes';

/** The desired state, changed by `start` and `stop`. */
export type DesiredState = 'running' | 'stopped';

/** Quantities by the name of the resource, as in Kubernetes: `{ cpu: '500m', memory: '1Gi' }`. */
export type Quantities = Readonly<Record<string, string>>;

export interface Resources {
  readonly requests: Quantities;
  readonly limits: Quantities;
}

/** What a client requested when it created a project; null where the operator's default applies. */
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
  /** Secrets whose entries become variables of each command. */
  readonly envFrom: readonly { readonly secretName: string }[];
  readonly resources: Resources | null;
  readonly storage: { readonly size: string | null; readonly className: string | null } | null;
  /** Allowed destinations, in the form of {@link parseEgress}. */
  readonly egress: readonly string[] | null;
  /** Deleted this long after its creation; null: never. */
  readonly ttlSeconds: number | null;
  /** Stopped after this long without a running command; null: never. */
  readonly idleStopSeconds: number | null;
  /** Whether a command starts it while it is stopped. */
  readonly wakeOnCommand: boolean;
}

/**
 * A stored project that was created through the API. Its variables, up to 1 MiB, are read only at the start of a
 * command.
 */
export interface ManagedProject extends Omit<ProjectSpec, 'env'> {
  readonly status: ProjectStatus;
  readonly reason: string | null;
  readonly createdAt: Date;
  readonly desired: DesiredState;
  /** Incremented with each change of the desired state, so that earlier observations can be discarded. */
  readonly revision: number;
  /** When the desired state was last changed. */
  readonly changedAt: Date;
  /** Number of requested restarts. */
  readonly restarts: number;
  /** Whether its files are kept on deletion. */
  readonly keepStorage: boolean;
  /** The volume with its files; null if none was observed yet. */
  readonly volume: string | null;
  /** Whether a volume was lost with its files and no client has acted on that yet. */
  readonly volumeLost: boolean;
}

/** The fields of a project that may be changed. */
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

/** The state of a project, and an explanation. */
export interface Condition {
  readonly status: ProjectStatus;
  readonly reason: string | null;
}

/** The result of a reconciliation. */
export interface Finding extends Condition {
  /** Identifies the volume with its files: a different one is empty. Absent if none is observed. */
  readonly volume?: string;
}

/** The runtime's current view of a project. */
export interface ObservedProject extends Condition {
  readonly id: string;
  readonly name: string;
  readonly image: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: string | null;
  readonly node: string | null;
  readonly createdAt: Date;
}

/** Combines what was requested with what is observed. */
export interface Project extends ObservedProject {
  readonly runtime: RuntimeKind;
  readonly lastCommandAt: Date | null;
  /** Created through the API, so that it can be changed and deleted. */
  readonly managed: boolean;
  /** The runtime does not respond: this is the last known state. */
  readonly stale: boolean;
}

/** A managed project has the state of its record; the observation adds where it runs. */
export function fromManaged(project: ManagedProject, seen: ObservedProject | null): ObservedProject {
  const { id, name, status, reason, labels, createdAt } = project;
  const { pod = null, node = null } = seen ?? {};
  return { id, name, status, reason, labels, createdAt, image: project.image ?? seen?.image ?? null, pod, node };
}

/** Compared with stored reasons, so the text must not change. */
const VOLUME_LOST = 'the volume was deleted with all files of the project, and another one took its place';

/** The reason of a project, which includes a lost volume until a client acts on that. */
export function withLoss({ volumeLost }: Pick<ManagedProject, 'volumeLost'>, reason: string | null): string | null {
  if (!volumeLost || reason?.startsWith(VOLUME_LOST)) return reason;
  return [`${VOLUME_LOST}. Restart the project to confirm that you know`, ...(reason === null ? [] : [reason])].join(
    '; ',
  );
}

/** Whether a command may wait in the queue for it to run. */
export function canWake({ status, wakeOnCommand }: ManagedProject): boolean {
  return wakeOnCommand && (status === 'pending' || status === 'stopping' || status === 'stopped');
}

/** Whether the change needs a new pod, which ends what runs in the old one. */
export function needsRestart(change: ProjectChange): boolean {
  return ['image', 'pullSecretName', 'envFrom', 'resources'].some((field) => field in change);
}

/** The position of a project in a list. */
export type PlaceInList = Pick<ObservedProject, 'createdAt' | 'id'>;

/** Newest first; ids break ties, so that the order is total. */
export function byAge(a: PlaceInList, b: PlaceInList): number {
  return b.createdAt.getTime() - a.createdAt.getTime() || Number(a.id < b.id) - Number(a.id > b.id);
}

export function hasLabels(project: Pick<ObservedProject, 'labels'>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => project.labels[name] === value);
}
