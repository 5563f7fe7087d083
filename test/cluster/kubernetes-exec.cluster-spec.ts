import { text } from 'node:stream/consumers';
import { type ExecTarget, KubernetesApiError, KubernetesClient, PodExec } from '@app/kubernetes';
import { ChannelRefused, type Channel } from '@app/channel';
import { TestNamespace, kubeconfigs } from './support/test-cluster.js';

let namespace: TestNamespace;
let target: ExecTarget;

beforeAll(async () => {
  namespace = await TestNamespace.create();
  await namespace.createPod('work');
  target = { namespace: namespace.name, pod: 'work', container: 'main' };
}, 60_000);

afterAll(() => namespace.remove());

async function outcome(channel: Channel) {
  const [stdout, stderr, end] = await Promise.all([text(channel.stdout), text(channel.stderr), channel.ended]);
  return { stdout, stderr, end };
}

describe.each(kubeconfigs())('exec through $name', ({ path }) => {
  let client: KubernetesClient;
  let exec: PodExec;

  beforeAll(async () => {
    client = await KubernetesClient.open({ mode: 'kubeconfig', kubeconfigPath: path, namespace: namespace.name });
    exec = new PodExec(client, { pingIntervalMs: 1_000 });
  });
  afterAll(() => client.close());

  const run = async (script: string) => outcome(await exec.openChannel(target, ['sh', '-c', script]));

  test('carries both streams exactly and apart', async () => {
    const { stdout, stderr, end } = await run('printf "a\\n\\303\\251"; printf "b\\n" >&2');
    expect({ stdout, stderr, end }).toEqual({ stdout: 'a\né', stderr: 'b\n', end: { kind: 'exited', code: 0 } });
  });

  test.each([0, 1, 127, 137])('tells exit code %i', async (code) => {
    expect((await run(`exit ${String(code)}`)).end).toEqual({ kind: 'exited', code });
  });

  test('tells 137 for SIGKILL too', async () => {
    expect((await run('kill -9 $$')).end).toEqual({ kind: 'exited', code: 137 });
  });

  test('is refused, without inventing a code, when there is no such program', async () => {
    const { end } = await outcome(await exec.openChannel(target, ['no-such-program']));
    expect(end).toMatchObject({ kind: 'dropped', cause: expect.any(ChannelRefused) as unknown });
  });

  test('carries arguments unchanged', async () => {
    const argv = ['printf', '%s|', 'a b', '$HOME', '"&?=+%20', 'é', ''];
    expect((await outcome(await exec.openChannel(target, argv))).stdout).toBe('a b|$HOME|"&?=+%20|é||');
  });

  test('carries stdin, whose end is not needed', async () => {
    const channel = await exec.openChannel(target, ['sh', '-c', 'head -c 300000 | cksum; head -c 3']);
    channel.stdin.write('x'.repeat(300_000));
    channel.stdin.end('end');
    const { stdout, end } = await outcome(channel);
    expect(stdout).toMatch(/^\d+ 300000\nend$/);
    expect(end).toEqual({ kind: 'exited', code: 0 });
  });

  test('keeps a silent exec open by pings', async () => {
    expect(await run('sleep 4; echo done')).toMatchObject({ stdout: 'done\n', end: { kind: 'exited', code: 0 } });
  });

  test('brings 50 MB to a slow reader whole, with little of it in memory', async () => {
    const channel = await exec.openChannel(target, ['sh', '-c', 'head -c 50000000 /dev/zero; echo ok >&2']);
    let [bytes, peak] = [0, 0];
    for await (const chunk of channel.stdout as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      peak = Math.max(peak, channel.stdout.readableLength);
      // A pause per half megabyte makes a reader that is slower than the cluster.
      if (bytes % 500_000 < chunk.length) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect({ bytes, end: await channel.ended }).toEqual({ bytes: 50_000_000, end: { kind: 'exited', code: 0 } });
    expect(await text(channel.stderr)).toBe('ok\n');
    expect(peak).toBeLessThan(1_000_000);
  });

  test('runs many at once', async () => {
    const runs = Array.from({ length: 20 }, (_, index) => run(`echo ${String(index)}`));
    expect((await Promise.all(runs)).map(({ stdout }) => stdout)).toEqual(runs.map((_, index) => `${String(index)}\n`));
  });

  test.each([
    ['pod', { pod: 'absent' }, KubernetesApiError],
    ['container', { container: 'absent' }, ChannelRefused],
  ])('says that there is no such %s', async (what, wrong, kind) => {
    const opening = exec.openChannel({ ...target, ...wrong }, ['true']);
    const refused = await opening.catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(kind);
    expect(refused).toMatchObject({ message: expect.stringContaining(what) as unknown });
  });
});
