import type { ObservedPod } from '@app/kubernetes';
import { anInstance } from '@app/commands/testing';
import { instanceState } from './instance-state.js';

const INSTANCE = anInstance({ pod: 'web-0', container: 'main', containerId: 'containerd://1' });

type Container = ObservedPod['containers'][number];

function aPod(pod: Partial<ObservedPod> = {}, container: Partial<Container> = {}): ObservedPod {
  const main: Container = {
    name: 'main',
    image: 'image:1',
    containerId: 'containerd://1',
    running: true,
    ready: true,
    restartCount: 0,
    lastTermination: null,
    waiting: null,
    ...container,
  };
  return {
    phase: 'Running',
    status: 'running',
    reason: null,
    deletionTimestamp: null,
    containers: [main],
    ...pod,
  } as ObservedPod;
}

const ended = (reason: string, exitCode = 137): Partial<Container> => ({
  running: false,
  lastTermination: { reason, exitCode, finishedAt: null, message: null },
});
const deleted = { status: 'terminating', reason: 'the pod has been deleted', deletionTimestamp: new Date() } as const;

describe('instanceState', () => {
  it.each([
    ['a running container', aPod()],
    ['a running container in a pod that is being deleted', aPod(deleted)],
    [
      'a container that ended earlier and now runs again with the bound id',
      aPod({}, { ...ended('Error'), running: true }),
    ],
  ])('is present: %s', (_what, pod) => {
    expect(instanceState(pod, INSTANCE)).toEqual({ kind: 'present' });
  });

  it.each([
    ['pod_lost', 'there is no pod', null, 'The pod web-0 is gone.'],
    ['pod_lost', 'it was deleted, and its container has ended', aPod(deleted, ended('Error')), 'The pod was deleted.'],
    [
      'pod_lost',
      'it was deleted, and the container has no status',
      aPod({ ...deleted, containers: [] }),
      'The pod was deleted.',
    ],
    [
      'pod_lost',
      'it has ended',
      aPod({ phase: 'Succeeded', status: 'stopped', reason: 'done' }, ended('Completed', 0)),
      'done',
    ],
    [
      'evicted',
      'it was evicted',
      aPod({ phase: 'Failed', status: 'failed', reason: 'Evicted: low on disk' }),
      'Evicted: low on disk',
    ],
    [
      'evicted',
      'it was evicted, then deleted',
      aPod({ ...deleted, phase: 'Failed', reason: 'Evicted: x' }),
      'Evicted: x',
    ],
    [
      'oom_killed',
      'it ran out of memory',
      aPod({}, ended('OOMKilled')),
      'The container has ended: OOMKilled, exit code 137.',
    ],
    [
      'oom_killed',
      'it ran out of memory, and was deleted',
      aPod(deleted, ended('OOMKilled')),
      'The container has ended: OOMKilled, exit code 137.',
    ],
    [
      'oom_killed',
      'another container runs in its place',
      aPod({}, { ...ended('OOMKilled'), running: true, containerId: 'containerd://2' }),
      'The container has ended: OOMKilled, exit code 137.',
    ],
    ['container_restarted', 'it ended', aPod({}, ended('Error', 1)), 'The container has ended: Error, exit code 1.'],
    [
      'container_restarted',
      'another container runs, and the bound one has no status',
      aPod({}, { containerId: 'containerd://2' }),
      'The container has ended.',
    ],
  ] as const)('is gone, %s: %s', (reason, _what, pod, detail) => {
    expect(instanceState(pod, INSTANCE)).toEqual({ kind: 'gone', reason, detail });
  });

  it('is unknown while the node does not respond', () => {
    const pod = aPod({ status: 'unknown', reason: 'NodeLost: away' }, { running: false });
    expect(instanceState(pod, INSTANCE)).toEqual({ kind: 'unreachable', detail: 'NodeLost: away' });
  });
});
