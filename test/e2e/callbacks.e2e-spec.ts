import { Webhook as StandardWebhook } from 'standardwebhooks';
import {
  type HttpClient,
  type ApiProcess,
  WebhookReceiver,
  createProject,
  ended,
  eventually,
  expectStatus,
  startApi,
} from '../support/index.js';

describe('the callbackUrl of a command', () => {
  let api: ApiProcess;
  let receiver: WebhookReceiver;
  let project: string;

  beforeAll(async () => {
    api = await startApi({ env: { WEBHOOK_ALLOWED_CIDRS: '127.0.0.0/8' } });
    receiver = await WebhookReceiver.start();
    project = await createProject(api.client);
  });
  afterAll(async () => {
    await api.stop();
    receiver.stop();
  });

  const submit = (path: string, fields: object = {}, client: HttpClient = api.client) =>
    client.post(`/v1/projects/${project}/commands`, {
      type: 'shell',
      script: 'exit 3',
      callbackUrl: `${receiver.base}${path}`,
      ...fields,
    });
  const run = async (path: string, fields: object = {}, client: HttpClient = api.client): Promise<string> => {
    const { id } = expectStatus(await submit(path, fields, client), 202).body;
    return (await ended(api.client, id)).id;
  };
  const aKey = async (scopes: string[], fields: object = {}) =>
    expectStatus(await api.client.post('/v1/keys', { name: 'k', scopes, ...fields }), 201).body;
  const secretOf = async (client: HttpClient): Promise<string> =>
    expectStatus(await client.get('/v1/keys/self'), 200).body.callbackSecret;
  const delivery = async (commandId: string) => {
    const path = `/v1/deliveries/${commandId.replace('cmd_', 'dlv_')}`;
    return eventually<any>(async () => {
      const { status, body } = await api.client.get(path);
      return status === 200 && body.status !== 'pending' && body;
    });
  };

  it('gets one message, at the end, signed with the callback secret of the key', async () => {
    const id = await run('/end');
    await eventually(() => receiver.at('/end').length === 1);
    const [{ message, body, headers }] = receiver.at('/end') as [any];
    expect(message).toMatchObject({
      type: 'command.failed',
      data: { commandId: id, projectId: project, sequence: 3, status: 'failed', result: { exitCode: 3 } },
    });
    const secret = await secretOf(api.client);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    new StandardWebhook(secret).verify(body, headers);
    expect(await delivery(id)).toMatchObject({
      webhookId: null,
      callbackUrl: `${receiver.base}/end`,
      messageId: headers['webhook-id'],
      type: 'command.failed',
      status: 'delivered',
      attempts: [{ status: 204 }],
    });
    const { body: page } = await api.client.get('/v1/webhooks');
    expect(page.data).toEqual([]);
  });

  it('is told of every kind of end', async () => {
    const { id } = expectStatus(await submit('/kinds', { script: 'sleep 60' }), 202).body;
    await run('/kinds', { script: 'true' });
    await run('/kinds', { script: 'sleep 60', timeoutSeconds: 1 });
    expectStatus(await api.client.post(`/v1/commands/${id}/cancel`), 202);
    const { body: held } = await submit('/kinds', { script: 'sleep 5', lock: 'held' });
    await run('/kinds', { lock: 'held', queueTimeoutSeconds: 1 });
    await ended(api.client, held.id);
    const types = () => receiver.at('/kinds').map(({ message }) => message.type);
    await eventually(() => types().length === 5);
    expect(types().sort()).toEqual([
      'command.cancelled',
      'command.expired',
      'command.succeeded',
      'command.succeeded',
      'command.timed_out',
    ]);
  });

  it('is tried again, gives up at 410 alone, and can be sent again', async () => {
    receiver.responses.set('/flaky', (_one, count) => ({ status: count === 1 ? 503 : 200 }));
    receiver.responses.set('/gone', (_one, count) => ({ status: count === 1 ? 410 : 200 }));
    const [flaky, gone] = [await run('/flaky'), await run('/gone')];
    expect((await delivery(gone)).status).toBe('failed');
    const other = await run('/other');
    expect((await delivery(other)).status).toBe('delivered');
    expectStatus(await api.client.post(`/v1/deliveries/${gone.replace('cmd_', 'dlv_')}/redeliver`), 202);
    await eventually(() => receiver.at('/gone').length === 2);
    await eventually(() => receiver.at('/flaky').length === 2, 20_000);
    expect((await delivery(flaky)).attempts).toMatchObject([{ status: 503 }, { status: 200 }]);
  });

  it('is checked like the URL of a webhook, and needs a key that may read commands', async () => {
    const spaced = [' https://a.example/', 'https://a.example/\n'];
    for (const callbackUrl of [
      'http://10.0.0.1/',
      'ftp://a.example/',
      'nonsense',
      `https://u:p@a.example/`,
      ...spaced,
    ]) {
      const { body } = expectStatus(await submit('', { callbackUrl }), 400);
      expect(body.errors).toEqual([{ pointer: '#/callbackUrl', detail: expect.stringMatching(/^must /) }]);
    }
    for (const callbackUrl of [7, ['https://a.example/'], `https://a.example/${'x'.repeat(2_048)}`, 'a\0b'])
      expectStatus(await submit('', { callbackUrl }), 400);
    expectStatus(await submit('', { callbackUrl: null }), 202);
    const blind = api.client.as((await aKey(['commands:execute'])).secret);
    expect(expectStatus(await submit('/blind', {}, blind), 403).body).toMatchObject({ requiredScope: 'commands:read' });
    const check = (client: HttpClient, callbackUrl: string) =>
      client.post(`/v1/projects/${project}/commands/check`, { type: 'shell', script: 'true', callbackUrl });
    expect(expectStatus(await check(blind, `${receiver.base}/x`), 200).body).toMatchObject({
      allowed: false,
      reasons: [{ code: 'INSUFFICIENT_SCOPE' }],
    });
    expect(expectStatus(await check(api.client, 'http://10.0.0.1/'), 200).body.allowed).toBe(false);
    expect(receiver.at('/blind')).toEqual([]);
  });

  it('belongs to the projects of a key: others see neither the delivery nor its URL', async () => {
    const id = await run('/token?secret=1');
    await delivery(id);
    const outsider = api.client.as((await aKey(['webhooks:read', 'commands:read'], { projects: ['other'] })).secret);
    expectStatus(await outsider.get(`/v1/deliveries/${id.replace('cmd_', 'dlv_')}`), 404);
    const { body } = await api.client.get(`/v1/commands/${id}`);
    expect(JSON.stringify(body)).not.toContain('secret=1');
  });

  it('is told nothing once the key is revoked, and signed for the successor when it was rotated', async () => {
    const { id: keyId, secret } = await aKey(['commands:execute', 'commands:read']);
    const own = api.client.as(secret);
    const [ownSecret, { id: rotated }] = [
      await secretOf(own),
      expectStatus(await submit('/rotated', { script: 'sleep 2' }, own), 202).body,
    ];
    const { secret: nextText, id: nextId } = expectStatus(
      await api.client.post(`/v1/keys/${keyId}/rotate`, { overlapSeconds: 0 }),
      201,
    ).body;
    const nextSecret = await secretOf(api.client.as(nextText));
    expect(nextSecret).not.toBe(ownSecret);
    await ended(api.client, rotated);
    await eventually(() => receiver.at('/rotated').length === 1);
    const [{ body, headers }] = receiver.at('/rotated') as [any];
    for (const either of [ownSecret, nextSecret]) new StandardWebhook(either).verify(body, headers);

    const { id: silent } = expectStatus(
      await submit('/revoked', { script: 'sleep 2' }, api.client.as(nextText)),
      202,
    ).body;
    expectStatus(await api.client.request('DELETE', `/v1/keys/${nextId}`), 204);
    await ended(api.client, silent);
    await delivery(await run('/after'));
    expect(receiver.at('/revoked')).toEqual([]);
  });

  it('survives a kill of the API before and after the end', async () => {
    receiver.responses.set('/killed', (_one, count) => ({ status: count === 1 ? 500 : 200 }));
    const { id } = expectStatus(await submit('/killed', { script: 'sleep 2' }), 202).body;
    await api.restart('SIGKILL');
    await ended(api.client, id);
    await eventually(() => receiver.at('/killed').length === 1);
    await api.restart('SIGKILL');
    await eventually(() => receiver.at('/killed').length >= 2, 90_000);
    expect((await delivery(id)).status).toBe('delivered');
  });

  it('is registered once by a POST that is repeated, and not at all by one that fails', async () => {
    const headers = { 'idempotency-key': 'callback-once' };
    const body = { type: 'shell', script: 'true', callbackUrl: `${receiver.base}/once` };
    const path = `/v1/projects/${project}/commands`;
    const first = expectStatus(await api.client.request('POST', path, body, headers), 202).body;
    const again = expectStatus(await api.client.request('POST', path, body, headers), 202).body;
    expect(again.id).toBe(first.id);
    await delivery(first.id);
    expectStatus(await submit('/failed', { cwd: '' }), 400);
    await delivery(await run('/after-once'));
    expect([receiver.at('/once').length, receiver.at('/failed').length]).toEqual([1, 0]);
  });
});
