import { ChannelRefused } from '@app/channel';
import { inspect } from 'node:util';
import { buffer, text } from 'node:stream/consumers';
import { ApiServerStub, type ExecSession } from '@app/kubernetes/testing';
import { ClusterUnavailable, type ExecOptions, KubernetesApiError, PodExec } from './index.js';

const target = { namespace: 'projects', pod: 'work-0', container: 'main' };
let api: ApiServerStub;

beforeEach(async () => {
  api = await ApiServerStub.start();
});
afterEach(() => api.stop());

/** Opens an exec and returns both of its sides. */
async function open(options: ExecOptions = {}, argv: readonly string[] = ['sh']) {
  const { promise, resolve } = Promise.withResolvers<ExecSession>();
  api.onExec = resolve;
  const channel = await new PodExec(await api.client(), options).openChannel(target, argv);
  return { channel, session: await promise };
}

const refusedBy = async (options: ExecOptions = {}, signal?: AbortSignal) =>
  new PodExec(await api.client(), options).openChannel(target, ['sh'], signal).then(
    () => Promise.reject(new Error('It has opened.')),
    (error: unknown) => error as Error,
  );

describe('opening an exec', () => {
  test('asks for the container, the arguments as they are, and v5 first', async () => {
    const { channel, session } = await open({}, ['a b', '', '&c=1']);
    expect(session).toMatchObject({ argv: ['a b', '', '&c=1'], container: 'main' });
    expect(session.socket.protocol).toBe('v5.channel.k8s.io');
    channel.destroy();
  });

  test('receives frames that arrive with the upgrade response', async () => {
    api.onExec = (session) => {
      session.stdout('early');
      session.exit(0);
    };
    const channel = await new PodExec(await api.client()).openChannel(target, ['sh']);
    expect(await text(channel.stdout)).toBe('early');
    expect(await channel.ended).toEqual({ kind: 'exited', code: 0 });
  });

  test('reports the message of a refusal', async () => {
    api.refusal = { status: 404, body: JSON.stringify({ reason: 'NotFound', message: 'pods "work-0" not found' }) };
    const error = await refusedBy();
    expect(error).toBeInstanceOf(KubernetesApiError);
    expect(error).toMatchObject({ status: 404, reason: 'NotFound', message: 'pods "work-0" not found' });
  });

  test('treats 500 as a container that cannot be entered, and 503 as an unavailable cluster', async () => {
    api.refusal = { status: 500, body: '{"message":"container not running"}' };
    expect(await refusedBy()).toMatchObject({ status: 500, message: 'container not running' });
    api.refusal = { status: 503, body: 'no upstream' };
    expect(await refusedBy()).toBeInstanceOf(ClusterUnavailable);
  });

  test('gives up on a server that does not respond', async () => {
    api.hangs = true;
    expect(await refusedBy({ connectTimeoutMs: 50 })).toMatchObject({
      code: 'CLUSTER_UNAVAILABLE',
      cause: { message: 'The exec did not open within 50 ms.' },
    });
  });

  test('stops opening when aborted', async () => {
    api.hangs = true;
    const reason = new Error('enough');
    expect(await refusedBy({}, AbortSignal.abort(reason))).toBe(reason);
    const later = new AbortController();
    setTimeout(() => later.abort(reason), 20);
    expect(await refusedBy({}, later.signal)).toBe(reason);
  });

  test('closes an open channel when aborted', async () => {
    const later = new AbortController();
    const channel = await new PodExec(await api.client()).openChannel(target, ['sh'], later.signal);
    later.abort();
    expect((await channel.ended).kind).toBe('dropped');
  });

  test('refuses a server that speaks neither protocol', async () => {
    api.protocols = ['v1.example'];
    expect(await refusedBy()).toBeInstanceOf(ClusterUnavailable);
  });

  test.each([
    ['no right to exec', 403, 'pods "x" is forbidden: User "y" cannot create resource "pods/exec"'],
    ['no such container in the pod', 400, 'container nope is not valid for pod x'],
    ['no such program', 500, 'OCI runtime exec failed: exec failed: exec: "sh": executable file not found in $PATH'],
  ])('says that asking again is no use: %s', async (_case, status, message) => {
    api.refusal = { status, body: JSON.stringify({ code: status, message }) };
    const error = await refusedBy();
    expect(error).toBeInstanceOf(ChannelRefused);
    expect(error).toMatchObject({ message, cause: { status } });
  });

  test.each([
    [404, 'pods "x" not found'],
    [500, 'unable to upgrade connection: container not found ("main")'],
    [503, 'no sh'],
    [401, 'Unauthorized'],
  ])('leaves open whether another attempt would do: %d %s', async (status, message) => {
    api.refusal = { status, body: JSON.stringify({ code: status, message }) };
    expect(await refusedBy()).not.toBeInstanceOf(ChannelRefused);
  });

  test.each([
    [
      'containerd',
      'error executing command in container: failed to exec in container: failed to start exec "x": OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown',
    ],
    ['crun', 'exec in container: executable file `sh` not found in $PATH: No such file or directory'],
    [
      'gVisor',
      'failed to exec: starting container: error finding executable "sh" in PATH []: no such file or directory',
    ],
    ['a directory', 'exec failed: unable to start container process: chdir to cwd ("/x"): no such file or directory'],
  ])('ends as refused where the container cannot run it, as %s says', async (_case, message) => {
    const { channel, session } = await open();
    session.end({ status: 'Failure', code: 500, reason: 'InternalError', message });
    const end = await channel.ended;
    expect(end).toMatchObject({ kind: 'dropped', cause: { message } });
    expect(end.kind === 'dropped' && end.cause).toBeInstanceOf(ChannelRefused);
  });

  test('does not mistake a terminating container for one that cannot run the program', async () => {
    const { channel, session } = await open();
    const message = 'exec failed: openat2 /sys/fs/cgroup/kubepods/x/cgroup.procs: no such file or directory';
    session.end({ status: 'Failure', code: 500, reason: 'InternalError', message });
    const end = await channel.ended;
    expect(end.kind === 'dropped' && end.cause).not.toBeInstanceOf(ChannelRefused);
  });

  test('leaves no token in errors and channels', async () => {
    const { channel } = await open();
    channel.destroy();
    api.refusal = { status: 403, body: `Bearer ${api.token}` };
    const seen = [await refusedBy(), channel, await channel.ended];
    api.refusal = null;
    api.hangs = true;
    const cut = refusedBy();
    setTimeout(() => api.cut(), 50);
    seen.push(await cut);
    expect(inspect(seen, { depth: 20, showHidden: true })).not.toContain(api.token);
  });
});

describe.each(['v5.channel.k8s.io', 'v4.channel.k8s.io'])('an exec over %s', (protocol) => {
  beforeEach(() => {
    api.protocols = [protocol];
  });

  test('keeps the streams apart, byte for byte', async () => {
    const { channel, session } = await open();
    session.stdout(Buffer.from([0, 255, 10]));
    session.stderr('err');
    session.frame(1, '');
    session.stdout('é');
    session.exit(3);
    expect(await buffer(channel.stdout)).toEqual(Buffer.from([0, 255, 10, 0xc3, 0xa9]));
    expect(await text(channel.stderr)).toBe('err');
    expect(await channel.ended).toEqual({ kind: 'exited', code: 3 });
  });

  test('ends stdin without ending the connection', async () => {
    const { channel, session } = await open();
    channel.stdin.end('x'.repeat(200_000));
    await session.until(({ stdinBytes }) => stdinBytes === 200_000);
    if (protocol.startsWith('v5')) await session.until(({ stdinEnded }) => stdinEnded);
    session.stdout('still here');
    session.exit(0);
    expect(await text(channel.stdout)).toBe('still here');
    expect(session.stdinEnded).toBe(protocol.startsWith('v5'));
  });

  test('is dropped when it is closed without a status, after what came before', async () => {
    const { channel, session } = await open();
    session.stdout('before');
    session.socket.close(1000);
    expect(await channel.ended).toMatchObject({ kind: 'dropped', cause: { message: expect.stringContaining('1000') } });
    expect(await text(channel.stdout)).toBe('before');
  });

  test('is dropped when the connection breaks', async () => {
    const { channel, session } = await open();
    session.stdout('before');
    await new Promise((resolve) => channel.stdout.once('readable', resolve));
    api.cut();
    expect((await channel.ended).kind).toBe('dropped');
    expect(await text(channel.stdout)).toBe('before');
    expect(channel.stdin.destroyed).toBe(true);
  });

  test('takes a huge frame', async () => {
    const { channel, session } = await open();
    session.stdout(Buffer.alloc(20_000_000, 'x'));
    session.exit(0);
    expect((await buffer(channel.stdout)).length).toBe(20_000_000);
  });

  test('is dropped by a frame that is too large to hold', async () => {
    const { channel, session } = await open();
    session.stdout(Buffer.alloc(65 * 1024 * 1024));
    expect((await channel.ended).kind).toBe('dropped');
    await session.until(({ closed }) => closed);
  });

  test('applies back-pressure to the server while a reader is slow', async () => {
    const { channel, session } = await open({ bufferBytes: 64 * 1024, pingIntervalMs: 50 });
    for (let frame = 0; frame < 640; frame += 1) session.stdout(Buffer.alloc(32 * 1024, frame % 256));
    session.exit(0);
    // That something does not happen is seen only by waiting: six pings do not mistake the reader's slowness for a dead
    // peer.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(session.socket.bufferedAmount).toBeGreaterThan(10_000_000);
    expect(channel.stdout.readableLength).toBeLessThan(256 * 1024);
    expect((await buffer(channel.stdout)).length).toBe(640 * 32 * 1024);
    expect(await channel.ended).toEqual({ kind: 'exited', code: 0 });
  });

  test('reads one stream when the other is destroyed', async () => {
    const { channel, session } = await open({ bufferBytes: 1024 });
    for (let frame = 0; frame < 10; frame += 1) session.stderr('x'.repeat(1024));
    channel.stderr.destroy();
    session.stdout('wanted');
    session.exit(0);
    expect(await text(channel.stdout)).toBe('wanted');
  });

  test('applies back-pressure to the writer while the server is slow', async () => {
    const { channel, session } = await open();
    session.socket.pause();
    let accepted = 0;
    const chunk = Buffer.alloc(1024 * 1024);
    const writing = new Promise<void>((resolve) => {
      const more = () => {
        while (accepted < 50) {
          accepted += 1;
          if (!channel.stdin.write(chunk)) return void channel.stdin.once('drain', more);
        }
        resolve();
      };
      more();
    });
    // Time enough for all 50, were they not held back.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(accepted).toBeLessThan(40);
    session.socket.resume();
    await writing;
    await session.until(({ stdinBytes }) => stdinBytes === 50 * chunk.length);
    channel.destroy();
  });

  test('is dropped without a response to pings', async () => {
    api.pongs = false;
    const { channel } = await open({ pingIntervalMs: 50 });
    expect(await channel.ended).toMatchObject({ cause: { message: 'No response to a ping within 50 ms.' } });
  });

  test('is not pinged while data comes: a server that has closed it would make what is unread be lost', async () => {
    const { channel, session } = await open({ pingIntervalMs: 50 });
    let pings = 0;
    session.socket.on('ping', () => pings++);
    for (let frame = 0; frame < 50; frame++) {
      session.stdout('x');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    session.exit(0);
    expect((await text(channel.stdout)).length).toBe(50);
    // An interval without data may come about on a busy machine; one ping for each would be ten.
    expect(pings).toBeLessThan(5);
  });

  test('stays open while pings are answered', async () => {
    // A busy machine may stand still for longer than a shorter interval.
    const { channel, session } = await open({ pingIntervalMs: 300 });
    // Four pings.
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    session.exit(0);
    expect(await channel.ended).toEqual({ kind: 'exited', code: 0 });
  });

  test('ends soon after the status, even if the server forgets to close', async () => {
    const { channel, session } = await open();
    session.frame(3, '{"status":"Success"}');
    expect(await channel.ended).toEqual({ kind: 'exited', code: 0 });
    await session.until(({ closed }) => closed);
  });

  test('closes immediately when destroyed', async () => {
    const { channel, session } = await open();
    channel.stdin.write('x');
    channel.destroy();
    channel.destroy();
    expect(await channel.ended).toMatchObject({
      kind: 'dropped',
      cause: { message: 'The channel was closed locally.' },
    });
    await session.until(({ closed }) => closed);
    expect(await text(channel.stdout)).toBe('');
    channel.stdin.write('too late');
  });
});
