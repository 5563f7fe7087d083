import type { ManagedProject, ProjectSpec } from '../src/domain/project.js';

let count = 0;

/** A unique project id. */
export function aProjectId(): string {
  return `p${String(++count)}-${Math.random().toString(36).slice(2, 10)}`;
}

/** A minimal request for a project. */
export function aProjectSpec(traits: Partial<ProjectSpec> = {}): ProjectSpec {
  const id = traits.id ?? aProjectId();
  return {
    id,
    name: id,
    gitUrl: null,
    gitRef: null,
    env: {},
    labels: {},
    image: null,
    pullSecretName: null,
    gitSecretName: null,
    envFrom: [],
    resources: null,
    storage: null,
    egress: null,
    ttlSeconds: null,
    idleStopSeconds: null,
    wakeOnCommand: true,
    ...traits,
  };
}

/** A stored project together with its request. */
export function aProject(traits: Partial<ManagedProject & ProjectSpec> = {}): ManagedProject & ProjectSpec {
  return {
    ...aProjectSpec(traits),
    status: 'running',
    reason: null,
    createdAt: new Date(),
    desired: 'running',
    revision: 1,
    changedAt: new Date(),
    restarts: 0,
    keepStorage: false,
    volume: null,
    volumeLost: false,
    ...traits,
  };
}
