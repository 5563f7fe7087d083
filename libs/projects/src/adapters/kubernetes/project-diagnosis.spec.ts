import { KubernetesApiError, observePod } from '@app/kubernetes';
import { aPod } from '@app/kubernetes/testing';
import { conditionOf, eventsSince, explain, refused, diagnose } from './project-diagnosis.js';

describe('the reason', () => {
  it.each([
    [
      'create Pod rdev-x-0 in StatefulSet rdev-x failed error: pods "rdev-x-0" is forbidden: exceeded quota: small, requested: memory=1Gi, used: memory=0, limited: memory=64Mi',
      /^quota exceeded: small, requested: memory=1Gi.*Ask for less/,
    ],
    ['storageclass.storage.k8s.io "none" not found', /^the storage class "none" does not exist\. .*storage\.className/],
    [
      'no persistent volumes available for this claim and no storage class is set',
      /no default storage class.*RDEV_STORAGE_CLASS/,
    ],
    ['namespaces "gone" not found', /^the namespace "gone" does not exist\. .*RDEV_NAMESPACE/],
    [
      'MountVolume.SetUp failed for volume "git" : secret "deploy-key" not found',
      /^the Secret "deploy-key" does not exist/,
    ],
    [
      'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
      /Pod Security level restricted/,
    ],
    [
      'Failed to pull image "none:1": rpc error: code = Unknown desc = i/o timeout',
      /^the image cannot be pulled: rpc error.*i\/o timeout\. Change the image of the project/,
    ],
    [
      'create Pod rdev-x-0 in StatefulSet rdev-x failed error: admission webhook "owners.test" denied the request: an owner is missing',
      /^the admission webhook "owners\.test" refuses it: an owner is missing$/,
    ],
    [
      `statefulsets.apps "rdev-x" is forbidden: ValidatingAdmissionPolicy 'owners' with binding 'all' denied request: an owner is missing`,
      /^the cluster refuses it: ValidatingAdmissionPolicy 'owners' .*: an owner is missing$/,
    ],
    ['something that nobody has seen before', /^something that nobody has seen before$/],
  ])('%s', (message, words) => {
    expect(explain(message)).toMatch(words);
    expect(refused(new KubernetesApiError(403, 'Forbidden', message))).toMatchObject({ status: 'failed' });
  });

  it("blames rdev's permissions only if rdev itself was refused", () => {
    const message = (user: string, of: string) =>
      `${of} is forbidden: User "${user}" cannot get resource "${of}" in API group "" in the namespace "secret"`;
    const { reason } = refused(new KubernetesApiError(403, 'Forbidden', message('rdev', 'statefulsets')));
    expect(reason).toMatch(/^rdev is not allowed to get statefulsets in the namespace "secret"\. Bind the role/);
    expect(explain(message('system:node:a', 'secrets'))).toMatch(/^the cluster refuses it: User "system:node:a"/);
  });

  it('comes from the newest warning since the last change, and means failure if someone must act', () => {
    const RACE =
      'Unable to attach or mount volumes: failed to fetch PVC from API server: persistentvolumeclaims "x" is forbidden: User "system:node:a" cannot get resource "persistentvolumeclaims" in API group "" in the namespace "b": no relationship found between node "a" and this object';
    const since = new Date('2026-01-01T00:01:00Z');
    const at = (second: string, message: string, type = 'Warning') => ({
      type,
      reason: 'FailedCreate',
      message,
      lastTimestamp: `2026-01-01T00:${second}Z`,
    });
    expect(diagnose([])).toBeNull();
    expect(diagnose([at('01:01', 'fine', 'Normal')])).toBeNull();
    expect(diagnose([at('01:01', 'why'), at('01:02', 'Error: ErrImagePull'), at('01:03', RACE)])).toMatchObject({
      reason: 'why',
    });
    expect(diagnose([at('01:01', 'first'), at('01:03', 'last'), at('01:02', 'middle')])).toEqual({
      status: 'pending',
      reason: 'last',
    });
    const secret = (name: string) => `secret "${name}" not found`;
    expect(diagnose([at('01:01', secret('a')), at('01:02', secret('b')), at('01:03', 'timed out')])).toEqual({
      status: 'failed',
      reason: expect.stringContaining('the Secret "b" does not exist'),
    });
    const [old, one, later] = [at('00:59', 'old'), at('01:00', 'one'), at('01:01', 'later')];
    expect(eventsSince([old, one, later], since)).toEqual([one, later]);
  });

  describe('of a pod', () => {
    const conditionFor = (overrides: Parameters<typeof aPod>[0]) => conditionOf(observePod(aPod(overrides)));
    const waiting = (reason: string, message: string) => ({ ready: false, state: { waiting: { reason, message } } });

    it('explains that the image cannot be pulled, and what to do', () => {
      for (const reason of ['ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName']) {
        const condition = conditionFor({ container: waiting(reason, 'no such image') });
        expect(condition.status).toBe('failed');
        expect(condition.reason).toMatch(/^the image cannot be pulled: .*no such image\. Change the image/);
      }
    });

    it("contains git's message, also while the clone is retried", () => {
      const ended = { exitCode: 128, reason: 'Error', message: 'fatal: Remote branch nope not found' };
      const clone = (state: object, lastState: object = {}) =>
        conditionFor({
          spec: { initContainers: [{ name: 'clone', image: 'x' }] },
          status: { initContainerStatuses: [{ name: 'clone', state, lastState }] },
          container: waiting('PodInitializing', ''),
        });
      const failed = {
        status: 'failed',
        reason: expect.stringMatching(/^git clone failed: fatal: Remote branch nope.*gitRef/),
      };
      expect(clone({ terminated: ended })).toEqual(failed);
      expect(clone({ waiting: { reason: 'CrashLoopBackOff' } }, { terminated: ended })).toEqual(failed);
      expect(clone({ running: {} }, { terminated: ended })).toEqual(failed);
      expect(clone({ running: {} }).status).toBe('pending');
      expect(clone({ terminated: { exitCode: 0 } }).status).toBe('pending');
    });

    it('is a wait for another pod if one was deleted or has ended', () => {
      expect(conditionFor({ metadata: { deletionTimestamp: new Date() } }).status).toBe('pending');
      expect(conditionFor({ status: { phase: 'Succeeded' } }).status).toBe('pending');
      expect(conditionFor({})).toEqual({ status: 'running', reason: null });
    });
  });
});
