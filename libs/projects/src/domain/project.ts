import type { NewEvent } from '@app/kernel';

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

/** What was asked for when a project was created through the API. */
export interface ProjectSpec {
  readonly id: string;
  readonly name: string;
  readonly gitUrl: string | null;
  readonly gitRef: string | null;
  /** Added to the environment of each command. */
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** A project that the API created, as it is kept. */
export interface ManagedProject extends ProjectSpec {
  readonly status: ProjectStatus;
  readonly reason: string | null;
  readonly createdAt: Date;
}

/** What the runtime sees of a project now. */
export interface ObservedProject {
  readonly id: string;
  readonly name: string;
  readonly status: ProjectStatus;
  readonly reason: string | null;
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

export function fromManaged(project: ManagedProject): ObservedProject {
  const { id, name, status, reason, labels, createdAt } = project;
  return { id, name, status, reason, labels, createdAt, image: null, pod: null, node: null };
}

/** Newest first; ids break ties, so that the order is total. */
export function byAge(a: ObservedProject, b: ObservedProject): number {
  return b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1);
}

export function hasLabels(project: ObservedProject, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => project.labels[name] === value);
}

export function projectCreated({ id, name, gitUrl, labels }: ProjectSpec): NewEvent {
  // A clone URL may carry credentials.
  const data = { name, gitUrl: gitUrl?.replace(/\/\/[^/@]*@/, '//***@') ?? null, labels };
  return { type: 'project.created', projectId: id, target: id, outcome: 'succeeded', data };
}

export function projectDeleted(id: string): NewEvent {
  return { type: 'project.deleted', projectId: id, target: id, outcome: 'succeeded', data: {} };
}

export function projectStatusChanged(id: string, status: ProjectStatus, reason: string | null): NewEvent {
  const type = status === 'running' ? 'project.started' : `project.${status}`;
  return {
    type,
    projectId: id,
    target: id,
    outcome: status === 'failed' ? 'failed' : 'succeeded',
    data: { status, reason },
  };
}
