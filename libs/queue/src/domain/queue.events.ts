import type { NewEvent } from '@app/kernel';

/** @param projectId null: all projects */
export function queuePaused(projectId: string | null): NewEvent {
  return { type: 'queue.paused', ...about(projectId) };
}

/** @param projectId null: all projects */
export function queueResumed(projectId: string | null): NewEvent {
  return { type: 'queue.resumed', ...about(projectId) };
}

function about(projectId: string | null): Omit<NewEvent, 'type'> {
  return { projectId: projectId ?? undefined, target: projectId ?? 'queue', outcome: 'succeeded', data: {} };
}
