import type { ManagedProject } from '../src/domain/project.js';

let count = 0;

/** A project id that no other test has. */
export function aProjectId(): string {
  return `p${String(++count)}-${Math.random().toString(36).slice(2, 10)}`;
}

export function aProject(traits: Partial<ManagedProject> = {}): ManagedProject {
  const id = traits.id ?? aProjectId();
  return {
    id,
    name: id,
    gitUrl: null,
    gitRef: null,
    env: {},
    labels: {},
    status: 'running',
    reason: null,
    createdAt: new Date(),
    ...traits,
  };
}
