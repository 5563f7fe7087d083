import { type ApiProcess, Transcript, eventually, outputOf, startApi, startCommand, textOf } from '../support/index.js';
import { DerivedKubeconfigs, addressOf } from './support/kubeconfig.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { TestNamespace, kubeconfigs } from './support/test-cluster.js';

/** With TEST_LONG=1 ten minutes over a connection that is cut every 30 s, as by an impatient load balancer. */
const { silentSeconds, cutEverySeconds } =
  process.env.TEST_LONG === '1'
    ? { silentSeconds: 600, cutEverySeconds: 30 }
    : { silentSeconds: 40, cutEverySeconds: 4 };

describe('a command without output, over a connection that is cut again and again', () => {
  const derived = new DerivedKubeconfigs();
  let namespace: TestNamespace;
  let proxy: TcpProxy;
  let api: ApiProcess;

  beforeAll(async () => {
    namespace = await TestNamespace.create();
    await namespace.createStatefulSet('web');
    await namespace.ready('web-0');
    const { path } = kubeconfigs().at(-1)!;
    proxy = await TcpProxy.start(addressOf(path));
    const env = {
      RDEV_RUNTIME: 'kubernetes',
      RDEV_NAMESPACE: namespace.name,
      KUBECONFIG: derived.through(path, proxy.port),
    };
    api = await startApi({ env });
    await eventually(async () => (await api.client.get('/v1/projects/web')).body?.status === 'running', 30_000);
  }, 120_000);
  afterAll(async () => {
    await api.stop();
    await proxy.stop();
    derived.remove();
    await namespace.remove();
  });

  it(
    `ends true after ${silentSeconds} s, cut every ${cutEverySeconds} s`,
    async () => {
      const script = `echo start >> /tmp/starts; echo before; sleep ${silentSeconds}; echo after; exit 3`;
      const { id } = await startCommand(api.client, 'web', script);
      const transcript = new Transcript();
      let cuts = 0;
      const cutting = setInterval(() => {
        proxy.cut();
        cuts++;
      }, cutEverySeconds * 1_000);
      await transcript.read(await api.client.sse(`/v1/commands/${id}/events`)).finally(() => clearInterval(cutting));
      expect(transcript.end).toMatchObject({ status: 'failed', result: { exitCode: 3, reason: 'exited' } });
      expect(transcript.end.result.durationMs).toBeGreaterThanOrEqual(silentSeconds * 1_000);
      expect(transcript.text()).toBe('before\nafter\n');
      expect((await outputOf(api.client, id)).toString()).toBe('before\nafter\n');
      expect(await textOf(api.client, 'web', 'cat /tmp/starts')).toBe('start\n');
      expect(cuts).toBeGreaterThanOrEqual(silentSeconds / cutEverySeconds - 1);
      process.stderr.write(`silent for ${silentSeconds} s, cut ${cuts} times: ended true\n`);
    },
    (silentSeconds + 60) * 1_000,
  );
});
