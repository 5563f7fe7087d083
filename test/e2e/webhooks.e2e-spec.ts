import { execFileSync, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import {
  type ApiProcess,
  createProject,
  WebhookReceiver,
  ended,
  eventually,
  expectStatus,
  runCommand,
  startApi,
} from '../support/index.js';

const hasPython = spawnSync('python3', ['--version']).status === 0;

describe('webhooks', () => {
  let api: ApiProcess;
  let receiver: WebhookReceiver;

  beforeAll(async () => {
    api = await startApi({ env: { WEBHOOK_ALLOWED_CIDRS: '127.0.0.0/8' } });
    receiver = await WebhookReceiver.start();
  });
  afterAll(async () => {
    await api.stop();
    receiver.stop();
  });

  const at = (path: string) => receiver.at(path);
  const typesAt = (path: string) => at(path).map(({ message }) => message.type);
  const subscribe = async (path: string, events: string[], fields: object = {}, client = api.client) =>
    expectStatus(await client.post('/v1/webhooks', { url: `${receiver.base}${path}`, events, ...fields }), 201).body;

  it('tell of a command from the queue to its end, signed so that others can verify it', async () => {
    const { id, secret } = await subscribe('/course', ['command.*']);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const project = await createProject(api.client);
    const command = await runCommand(api.client, project, 'echo secret-output; exit 3');
    await eventually(() => at('/course').length >= 3);
    const own = at('/course').sort((a, b) => a.message.data.sequence - b.message.data.sequence);
    expect(own.map(({ message }) => message.type)).toEqual(['command.queued', 'command.started', 'command.failed']);
    expect(own[2]!.message.data).toMatchObject({
      commandId: command.id,
      projectId: project,
      url: `/v1/commands/${command.id}`,
      sequence: 3,
      status: 'failed',
      result: { exitCode: 3 },
    });
    for (const { body, headers } of own) {
      expect(new StandardWebhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
      new SvixWebhook(secret).verify(body, headers);
      const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
      const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
      expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
      expect(body).not.toContain('secret-output');
      expect(Buffer.byteLength(body)).toBeLessThan(2_000);
    }
    const { body: page } = await api.client.get(`/v1/webhooks/${id}/deliveries?status=delivered`);
    expect(page.data).toHaveLength(3);
    expect((await api.client.get(`/v1/webhooks/${id}`)).body).not.toHaveProperty('secret');
  });

  (hasPython ? it : it.skip)('are verified by the Python of docs/guides/webhooks.md', async () => {
    const { id, secret } = await subscribe('/python', ['webhook.test']);
    expectStatus(await api.client.post(`/v1/webhooks/${id}/test`), 202);
    await eventually(() => at('/python').length === 1);
    const { headers, body } = at('/python')[0]!;
    const [, code = ''] = /^```python\n(.*?)^```$/ms.exec(readFileSync('docs/guides/webhooks.md', 'utf8')) ?? [];
    const call = 'import json, sys\nverify(*[f(x) for f, x in zip((str, json.loads, str.encode), sys.argv[1:])])';
    const verify = (text: string) =>
      execFileSync('python3', ['-c', `${code}\n${call}`, secret, JSON.stringify(headers), text], { stdio: 'pipe' });
    verify(body);
    expect(() => verify(`${body} `)).toThrow('wrong signature');
  });

  it('are sent to those that ask for the type and the project, and once each', async () => {
    const [one, other] = [await createProject(api.client), await createProject(api.client)];
    await subscribe('/one', ['command.succeeded'], { projects: [one] });
    await subscribe('/both', ['command.succeeded', 'command.*ed'], { projects: [one, other] });
    await runCommand(api.client, one, 'true');
    await runCommand(api.client, other, 'true');
    await eventually(() => at('/both').filter(({ message }) => message.type === 'command.succeeded').length === 2);
    await eventually(() => at('/one').length === 1);
    expect(typesAt('/one')).toEqual(['command.succeeded']);
    expect(new Set(at('/both').map(({ headers }) => headers['webhook-id'])).size).toBe(at('/both').length);
  });

  it('say no more than their key may read, whatever they ask for', async () => {
    const [own, foreign] = [await createProject(api.client), await createProject(api.client)];
    const key = async (scopes: string[]) =>
      expectStatus(await api.client.post('/v1/keys', { name: 'k', scopes, projects: [own] }), 201).body;
    const { secret: text, id: keyId } = await key(['webhooks:write', 'webhooks:read', 'commands:read']);
    const limited = api.client.as(text);
    const { id, projects } = await subscribe('/limited', ['*'], {}, limited);
    expect(projects).toEqual([own]);
    await runCommand(api.client, own, 'true');
    await runCommand(api.client, foreign, 'true');
    await key(['commands:read']);
    await eventually(() => typesAt('/limited').includes('command.succeeded'));
    expect(new Set(at('/limited').map(({ message }) => message.data.projectId))).toEqual(new Set([own]));

    expectStatus(await limited.post('/v1/webhooks', { url: `${receiver.base}/x`, events: ['key.*'] }), 403);
    expectStatus(
      await limited.post('/v1/webhooks', { url: `${receiver.base}/x`, events: ['*'], projects: [foreign] }),
      400,
    );
    const { id: all } = await subscribe('/all', ['*']);
    await runCommand(api.client, foreign, 'true');
    expectStatus(await limited.get(`/v1/webhooks/${all}`), 404);
    expectStatus(await limited.request('DELETE', `/v1/webhooks/${all}`), 404);
    expect((await limited.get('/v1/webhooks')).body.data.map((webhook: any) => webhook.id)).toEqual([id]);
    const [delivery] = (await eventually(async () => {
      const { data } = (await api.client.get(`/v1/webhooks/${all}/deliveries`)).body;
      return data.length > 0 && data;
    })) as any[];
    expectStatus(await limited.get(`/v1/deliveries/${delivery?.id}`), 404);

    // Another key's description leaves it as it is; more than that would give it that key's rights.
    const described = await api.client.request('PATCH', `/v1/webhooks/${id}`, { description: 'seen by an admin' });
    expect(expectStatus(described, 200).body).toMatchObject({ keyId, description: 'seen by an admin' });

    // With its key, a subscription ends.
    expectStatus(await api.client.request('DELETE', `/v1/keys/${keyId}`), 204);
    await runCommand(api.client, own, 'true');
    const seen = await eventually(async () => {
      const { body } = await api.client.get(`/v1/webhooks/${id}`);
      return !body.enabled && body;
    });
    expect(seen.disabledReason).toContain('key is no longer valid');
    await eventually(() => typesAt('/all').includes('webhook.disabled'));
  });

  it('are tried again, with the same id and body, until the endpoint responds with 2xx; attempts are kept', async () => {
    receiver.responses.set('/flaky', (_one, count) => ({
      status: count === 1 ? 500 : 200,
      headers: { 'retry-after': '1' },
    }));
    const project = await createProject(api.client);
    const { id } = await subscribe('/flaky', ['command.succeeded'], { projects: [project] });
    await runCommand(api.client, project, 'true');
    await eventually(() => at('/flaky').length === 2, 20_000);
    const [first, second] = at('/flaky');
    expect([second!.body, second!.headers['webhook-id']]).toEqual([first!.body, first!.headers['webhook-id']]);
    const { data } = (await api.client.get(`/v1/webhooks/${id}/deliveries`)).body;
    const detail = await eventually(async () => {
      const { body } = await api.client.get(`/v1/deliveries/${data[0].id}`);
      return body.status === 'delivered' && body;
    });
    expect(detail.attempts).toMatchObject([
      { status: 500, excerpt: 'no thanks', error: null },
      { status: 200, error: null },
    ]);
    const waitedMs = Date.parse(detail.attempts[1].at) - Date.parse(detail.attempts[0].at);
    expect(waitedMs).toBeGreaterThanOrEqual(5_000);
  });

  it('are disabled by 410, and delivered again on request', async () => {
    receiver.responses.set('/gone', () => ({ status: 410 }));
    const { id } = await subscribe('/gone', ['command.succeeded']);
    await runCommand(api.client, await createProject(api.client), 'true');
    await eventually(async () => !(await api.client.get(`/v1/webhooks/${id}`)).body.enabled);
    expectStatus(await api.client.post(`/v1/webhooks/${id}/test`), 409);
    const { data } = (await api.client.get(`/v1/webhooks/${id}/deliveries?status=failed`)).body;
    expect(data).toHaveLength(1);
    receiver.responses.delete('/gone');
    expectStatus(await api.client.request('PATCH', `/v1/webhooks/${id}`, { enabled: true }), 200);
    const since = new Date(Date.now() - 60_000).toISOString();
    expect(expectStatus(await api.client.post(`/v1/webhooks/${id}/recover`, { since }), 202).body).toEqual({
      recovered: 1,
    });
    await eventually(async () => (await api.client.get(`/v1/deliveries/${data[0].id}`)).body.status === 'delivered');
    const redeliver = () =>
      api.client.request('POST', `/v1/deliveries/${data[0].id}/redeliver`, undefined, { 'idempotency-key': 'again' });
    expectStatus(await redeliver(), 202);
    await eventually(() => at('/gone').length === 3);
    await eventually(async () => (await api.client.get(`/v1/deliveries/${data[0].id}`)).body.status === 'delivered');
    const replay = expectStatus(await redeliver(), 202);
    expect([replay.headers['idempotency-replayed'], replay.body.status]).toEqual(['true', 'delivered']);
  });

  it('are signed with both secrets while one replaces the other', async () => {
    const { id, secret: former } = await subscribe('/rotated', ['webhook.test']);
    const { secret } = expectStatus(await api.client.post(`/v1/webhooks/${id}/rotate-secret`, {}), 200).body;
    expect(secret).not.toBe(former);
    expectStatus(await api.client.post(`/v1/webhooks/${id}/test`), 202);
    await eventually(() => at('/rotated').length === 1);
    const [{ body, headers } = receiver.received[0]!] = at('/rotated');
    for (const either of [secret, former]) new StandardWebhook(either).verify(body, headers);
    expectStatus(await api.client.post(`/v1/webhooks/${id}/rotate-secret`, { overlapSeconds: 0 }), 200);
    expectStatus(await api.client.post(`/v1/webhooks/${id}/test`), 202);
    await eventually(() => at('/rotated').length === 2);
    const last = at('/rotated')[1]!;
    expect(() => new StandardWebhook(secret).verify(last.body, last.headers)).toThrow('No matching signature found');
  });

  it('are refused where they lead to private addresses, and names them', async () => {
    const spaced = [' https://a.example/', 'https://a.exa\nmple/', 'https://a.example/\t', 'https://a.example/a b'];
    const refused = ['http://10.0.0.1/', 'http://169.254.169.254/latest', 'http://[::1]/', 'ftp://a.example/'];
    for (const url of [...refused, ...spaced]) {
      const { body } = expectStatus(await api.client.post('/v1/webhooks', { url, events: ['*'] }), 400);
      expect(body.errors).toEqual([{ pointer: '#/url', detail: expect.stringMatching(/^must /) }]);
    }
    expectStatus(
      await api.client.post('/v1/webhooks', { url: `${receiver.base}/x`, events: ['command.created'] }),
      400,
    );
    const nowhere = { url: `${receiver.base}/x`, events: ['*'], projects: [] };
    const { body } = expectStatus(await api.client.post('/v1/webhooks', nowhere), 400);
    expect(body.errors).toMatchObject([{ pointer: '#/projects' }]);
  });

  it('lose nothing when the API is killed, and do not repeat what was delivered', async () => {
    await subscribe('/killed', ['command.succeeded']);
    const project = await createProject(api.client);
    const commands = await Promise.all(
      Array.from({ length: 8 }, () =>
        api.client.post(`/v1/projects/${project}/commands`, { type: 'shell', script: 'true' }),
      ),
    );
    await eventually(() => at('/killed').length > 0);
    await api.restart('SIGKILL');
    const ids = commands.map(({ body }) => body.id as string);
    for (const id of ids) await ended(api.client, id);
    await eventually(() => new Set(at('/killed').map(({ message }) => message.data.commandId)).size === 8, 90_000);
    expect(at('/killed').every(({ message }) => ids.includes(message.data.commandId))).toBe(true);
  });
});
