import { randomUUID } from 'node:crypto';
import type { ContainerStatusJson, MetadataJson, PodJson, PodStatusJson } from '../src/pod-json.js';

interface PodOverrides {
  readonly name?: string;
  readonly metadata?: MetadataJson;
  readonly spec?: Partial<NonNullable<PodJson['spec']>>;
  readonly status?: PodStatusJson;
  /** Overrides fields of the container's status, which is running by default. */
  readonly container?: Partial<ContainerStatusJson>;
}

/** A ready pod with one container, as the API returns it. */
export function aPod({ name = 'work-0', metadata, spec, status, container }: PodOverrides = {}): PodJson {
  const ready = container?.ready ?? true;
  const conditions = ['Ready', 'ContainersReady'].map((type) => ({ type, status: ready ? 'True' : 'False' }));
  return {
    metadata: {
      uid: randomUUID(),
      name,
      namespace: 'projects',
      labels: { 'rdev.dev/project': name },
      creationTimestamp: new Date('2026-01-01T00:00:00Z'),
      ...metadata,
    },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'image:1' }], ...spec },
    status: {
      phase: 'Running',
      conditions: [{ type: 'PodScheduled', status: 'True' }, ...conditions],
      containerStatuses: [
        {
          name: 'main',
          containerID: 'containerd://1',
          ready,
          restartCount: 0,
          state: { running: {} },
          ...container,
        },
      ],
      ...status,
    },
  };
}
