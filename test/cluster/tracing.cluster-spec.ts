import { ended, eventually } from '../support/index.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { ProjectsSite } from './support/projects-api.js';

jest.setTimeout(120_000);

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('the trace of a command in a pod', () => {
  let site: ProjectsSite;
  let collector: OtlpReceiver;
  beforeAll(async () => {
    collector = await OtlpReceiver.start();
    site = await ProjectsSite.open();
    await site.namespace.createPod('web', { 'rdev.dev/project': 'web' });
  });
  afterAll(async () => {
    await site.close();
    collector.stop();
  });

  it('shows the exec and the calls of the API below the command, and where it ran', async () => {
    const api = await site.startApi(collector.env());
    try {
      const { client } = api;
      await eventually(async () => (await client.get('/v1/projects/web')).body.status === 'running', 30_000);
      const created = await client.request(
        'POST',
        '/v1/projects/web/commands',
        { type: 'shell', script: 'echo hi' },
        { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
      );
      await ended(client, created.body.id);
      await eventually(() => collector.of(TRACE).some(({ name }) => name === 'command run'), 20_000);
      const spans = collector.of(TRACE);
      const command = spans.find(({ name }) => name === 'command shell')!;
      const below = spans.filter(({ parentId }) => parentId === command.id);
      const exec = below.find(({ name }) => name === 'kubernetes exec');
      expect(exec?.attributes).toEqual({
        'k8s.namespace.name': site.namespace.name,
        'k8s.pod.name': 'web',
        'k8s.container.name': expect.any(String),
      });
      expect(below.find(({ name }) => name === 'kubernetes GET')?.attributes).toEqual({
        'http.request.method': 'GET',
        'url.path': `/api/v1/namespaces/${site.namespace.name}/pods/web`,
        'http.response.status_code': '200',
      });
      expect(command.attributes).toMatchObject({ 'k8s.pod.name': 'web', 'container.id': expect.stringMatching(/./) });
    } finally {
      await api.stop();
    }
  });
});
