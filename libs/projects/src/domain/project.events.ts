import type { NewEvent } from '@app/kernel';
import type { ProjectSpec, ProjectStatus } from './project.js';

export function projectCreated({ id, name, gitUrl, labels }: ProjectSpec): NewEvent {
  // A clone URL may contain credentials.
  const data = { name, gitUrl: gitUrl?.replace(/\/\/[^/?#]*@/, '//***@').replace(/\?.*/s, '?***') ?? null, labels };
  return { type: 'project.created', projectId: id, target: id, outcome: 'succeeded', data };
}

/** Records the changed fields without their values: a variable may be a secret. */
export function projectUpdated(id: string, fields: readonly string[]): NewEvent {
  return { type: 'project.updated', projectId: id, target: id, outcome: 'succeeded', data: { fields } };
}

export function projectDeleted(id: string): NewEvent {
  return { type: 'project.deleted', projectId: id, target: id, outcome: 'succeeded', data: {} };
}

/** Its files are lost: their volume was deleted in the cluster. */
export function projectVolumeLost(id: string, volume: string): NewEvent {
  return { type: 'project.volume_lost', projectId: id, target: id, outcome: 'failed', data: { volume } };
}

export function projectStatusChanged(id: string, status: ProjectStatus, reason: string | null): NewEvent {
  const type = status === 'running' ? 'project.started' : `project.${status}`;
  const outcome = status === 'failed' ? 'failed' : 'succeeded';
  return { type, projectId: id, target: id, outcome, data: { status, reason } };
}
