import { aPod } from '@app/kubernetes/testing';
import { observePod } from './observe-pod.js';
import type { PodJson } from './pod-json.js';

const waiting = (reason: string, message?: string): PodJson =>
  aPod({
    status: { phase: 'Pending' },
    container: { ready: false, state: { waiting: { reason, ...(message && { message }) } } },
  });

const terminated = { exitCode: 137, reason: 'OOMKilled', finishedAt: new Date('2026-01-01T00:01:00Z') };

const cases: [string, PodJson, string, string | null][] = [
  ['a ready pod', aPod(), 'running', null],
  [
    'a pod without a node',
    aPod({
      status: {
        phase: 'Pending',
        containerStatuses: [],
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes are available' },
        ],
      },
    }),
    'pending',
    'Unschedulable: 0/1 nodes are available',
  ],
  [
    'a pending pod without conditions',
    aPod({ status: { phase: 'Pending', containerStatuses: [], conditions: [] } }),
    'pending',
    'waiting for a node',
  ],
  ['a container that is being created', waiting('ContainerCreating'), 'pending', 'ContainerCreating'],
  [
    'an image that is not there',
    waiting('ImagePullBackOff', 'Back-off pulling image "x"'),
    'failed',
    'the image cannot be pulled: Back-off pulling image "x"',
  ],
  ['an image name that is none', waiting('InvalidImageName', 'bad'), 'failed', 'the image has an invalid name: bad'],
  [
    'a container that keeps crashing',
    aPod({
      container: {
        ready: false,
        restartCount: 4,
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated },
      },
    }),
    'failed',
    'the container keeps exiting (CrashLoopBackOff); last time OOMKilled (exit code 137)',
  ],
  [
    'a container between two runs',
    aPod({ container: { ready: false, state: { terminated: { exitCode: 2, reason: 'Error' } } } }),
    'pending',
    'it ended with exit code 2; it is being restarted',
  ],
  [
    'a container that will not be started again',
    aPod({ spec: { restartPolicy: 'Never' }, container: { ready: false, state: { terminated } } }),
    'failed',
    'OOMKilled (exit code 137)',
  ],
  [
    'a container that was killed for its memory and is back',
    aPod({ container: { restartCount: 1, lastState: { terminated } } }),
    'running',
    'restarted 1 time; last time OOMKilled (exit code 137)',
  ],
  [
    'a container that is not ready yet',
    aPod({
      container: { ready: false },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'False', message: 'containers with unready status: [main]' }],
        containerStatuses: aPod({ container: { ready: false } }).status?.containerStatuses ?? [],
      },
    }),
    'running',
    'not ready: containers with unready status: [main]',
  ],
  [
    'a pod on a node that does not respond',
    aPod({
      status: {
        ...aPod().status,
        conditions: [
          { type: 'Ready', status: 'False' },
          { type: 'ContainersReady', status: 'True' },
        ],
      },
    }),
    'unknown',
    'the node does not respond',
  ],
  [
    'an evicted pod',
    aPod({ status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' } }),
    'failed',
    'Evicted: The node was low on resource: memory.',
  ],
  ['a pod that has done its work', aPod({ status: { phase: 'Succeeded' } }), 'stopped', null],
  [
    'a deleted pod',
    aPod({ metadata: { uid: '1', name: 'a', deletionTimestamp: new Date() } }),
    'terminating',
    'the pod has been deleted',
  ],
  [
    'a pod without the container that it names',
    aPod({ metadata: { uid: '1', name: 'a', annotations: { 'rdev.dev/container': 'gone' } } }),
    'failed',
    'the pod has no container "gone", which its annotation specifies',
  ],
  [
    'a clone that fails in an init container',
    aPod({
      container: { ready: false, state: { waiting: { reason: 'PodInitializing' } } },
      status: {
        phase: 'Pending',
        containerStatuses: waiting('PodInitializing').status?.containerStatuses ?? [],
        initContainerStatuses: [
          {
            name: 'clone',

            ready: false,
            restartCount: 1,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 128 } },
          },
        ],
      },
    }),
    'failed',
    'init container "clone": the container keeps exiting (CrashLoopBackOff); last time it ended with exit code 128',
  ],
];

describe('observePod', () => {
  test.each(cases)('describes %s', (_what, pod, status, reason) => {
    expect(observePod(pod)).toMatchObject({ status, reason });
  });

  test('reads times that are text, as they are in a watch', () => {
    const pod = JSON.parse(JSON.stringify(aPod({ container: { lastState: { terminated } } }))) as PodJson;
    expect(observePod(pod)).toMatchObject({
      createdAt: new Date('2026-01-01T00:00:00Z'),
      containers: [{ lastTermination: { finishedAt: new Date('2026-01-01T00:01:00Z') } }],
    });
  });

  test('names the owner that controls the pod', () => {
    const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'work', uid: '1', controller: true };
    const pod = aPod({ metadata: { uid: '1', name: 'work-0', ownerReferences: [owner] } });
    expect(observePod(pod)).toMatchObject({ ownerKind: 'StatefulSet', ownerName: 'work' });
  });

  test('refuses what is not a pod', () => {
    expect(() => observePod({})).toThrow('not a pod');
  });
});
