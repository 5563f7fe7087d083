import { once } from 'node:events';
import { Logger } from '@nestjs/common';
import { ApiServerStub, aPod } from '@app/kubernetes/testing';
import { type PodChange, PodInformer } from './index.js';

let api: ApiServerStub;
let informer: PodInformer;
let changes: string[];
const warnings: string[] = [];

beforeAll(() => Logger.overrideLogger({ log: () => undefined, error: keep, warn: keep }));
beforeEach(async () => {
  api = await ApiServerStub.start();
  informer = new PodInformer(await api.client(), { watchSeconds: 2, retryMsMax: 100 });
  changes = [];
  informer.onChange(({ type, pod }: PodChange) => changes.push(`${type} ${pod.name} ${pod.status}`));
});
afterEach(async () => {
  await informer.stop();
  await api.stop();
});
afterAll(() => expect(warnings.join()).not.toContain(api.token));

function keep(message: unknown): void {
  warnings.push(JSON.stringify(message));
}

/** Resolves when the condition holds, checked every few milliseconds. */
async function until(condition: () => boolean, ms = 4_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Not within ${String(ms)} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const names = () => informer.list().map(({ name }) => name);
const watching = () => until(() => api.watches.size === 1);

describe('PodInformer', () => {
  test('lists existing pods and follows changes', async () => {
    const pod = aPod({ name: 'a' });
    api.set(pod);
    expect(informer.state).toEqual({ synced: false, staleSince: null, isAway: false });
    informer.start();
    await informer.whenSynced();
    expect(informer.state).toEqual({ synced: true, staleSince: null, isAway: false });
    await watching();
    const failed = { ...pod, status: { phase: 'Failed' } };
    api.set(failed);
    api.set(aPod({ name: 'b' }));
    api.remove(failed);
    await until(() => changes.length === 4);
    expect(changes).toEqual(['added a running', 'changed a failed', 'added b running', 'removed a failed']);
    expect(names()).toEqual(['b']);
    expect(informer.get(pod.metadata?.uid ?? '')).toBeNull();
  });

  test('finishes its first sync when the pods are known, or when the API does not respond', async () => {
    api.set(aPod({ name: 'a' }));
    informer.start();
    await informer.firstSync(60_000);
    expect(names()).toEqual(['a']);
    const lost = new PodInformer(await api.client());
    await api.stop();
    lost.start();
    await lost.firstSync(60_000);
    expect(lost.state).toMatchObject({ synced: false, staleSince: expect.any(Date) });
    await lost.stop();
  });

  test('continues from the end of a watch without a new list', async () => {
    informer.start();
    await watching();
    api.bookmark();
    const [watch] = api.watches;
    await once(watch!, 'close');
    api.set(aPod({ name: 'late' }));
    await until(() => names().includes('late'));
    expect(api.lists).toBe(1);
    expect(informer.state.staleSince).toBeNull();
  });

  test('lists again when its version has expired', async () => {
    const gone = aPod({ name: 'gone' });
    api.set(gone);
    informer.start();
    await watching();
    api.forget(gone);
    api.compact();
    api.endWatches();
    await until(() => names().length === 0);
    expect(changes).toEqual(['added gone running', 'removed gone running']);
  });

  test('lists again when the expiry comes as an event', async () => {
    informer.start();
    await watching();
    api.say(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410 } })}\n`);
    await until(() => api.lists === 2);
    expect(informer.state.staleSince).toBeNull();
  });

  test.each([
    ['nonsense', 'oops\n'],
    ['an event that is none', '{"type":"ADDED","object":{"metadata":{"resourceVersion":"9"}}}\n'],
    ['an error', '{"type":"ERROR","object":{"code":500,"message":"etcd is gone"}}\n'],
  ])('lists again after %s', async (_what, text) => {
    informer.start();
    await watching();
    api.say(text);
    await until(() => api.lists >= 2);
    await until(() => informer.state.staleSince === null);
  });

  test('reads an event in chunks that split a character', async () => {
    informer.start();
    await watching();
    const [watch] = api.watches;
    const pod = aPod({ name: 'é', metadata: { uid: '1', name: 'é', resourceVersion: '9' } });
    for (const byte of Buffer.from(`${JSON.stringify({ type: 'ADDED', object: pod })}\n`)) {
      watch!.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    await until(() => names().includes('é'));
  });

  test('is stale while the API is unavailable, and catches up when it has recovered', async () => {
    const pod = aPod({ name: 'a' });
    api.set(pod);
    informer.start();
    await watching();
    const before = new Date();
    api.refusal = { status: 503, body: 'away' };
    api.cut();
    await until(() => informer.state.staleSince !== null);
    expect(informer.state.staleSince!.getTime()).toBeLessThanOrEqual(before.getTime() + 100);
    expect(names()).toEqual(['a']);
    await until(() => informer.state.isAway);
    api.remove(pod);
    api.set(aPod({ name: 'b' }));
    api.refusal = null;
    await until(() => informer.state.staleSince === null);
    expect(informer.state.isAway).toBe(false);
    expect(names()).toEqual(['b']);
  });

  test('notices that a watch has silently died', async () => {
    informer.start();
    await watching();
    api.silent = true;
    api.set(aPod({ name: 'unheard' }));
    await until(() => names().includes('unheard'), 8_000);
    expect(api.lists).toBe(2);
  }, 10_000);

  test('reads long lists in pages', async () => {
    for (let index = 0; index < 1_201; index += 1) api.set(aPod({ name: `p${String(index)}` }));
    informer.start();
    await informer.whenSynced();
    expect(informer.list()).toHaveLength(1_201);
    expect(api.lists).toBe(3);
  });

  test('continues after a listener has failed', async () => {
    informer.onChange(() => {
      throw new Error('a mistake');
    });
    api.set(aPod({ name: 'a' }));
    informer.start();
    await informer.whenSynced();
    await watching();
    api.set(aPod({ name: 'b' }));
    await until(() => changes.length === 2);
  });

  test('stops in the middle of everything', async () => {
    api.hangs = true;
    informer.start();
    await informer.stop();
    expect(informer.state).toEqual({ synced: false, staleSince: null, isAway: false });
    api.hangs = false;
    informer.start();
    await watching();
    await informer.stop();
    await until(() => api.watches.size === 0);
  });
});
