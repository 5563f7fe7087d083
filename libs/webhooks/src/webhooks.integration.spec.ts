import { newId, runInRequest, Unavailable, type Caller } from '@app/kernel';
import { aCaller, until } from '@app/kernel/testing';
import { Logger } from '@nestjs/common';
import { type OpenWebhooks, openWebhooks } from '../testing/index.js';
import { PostgresKeyStates } from './adapters/postgres/postgres-key-states.js';
import { callbackDelivery, deliveryOf } from './application/new-delivery.js';
import type { Delivery } from './domain/delivery.js';
import type { Message, MessageType } from './domain/message.js';
import type { Webhook } from './domain/webhook.js';

const EVERYTHING = { scopes: ['admin'], projects: null } as const;
const ended = (status: string) => ({ type: 'command.ended', data: { status, result: null } });

describe('webhooks', () => {
  let open: OpenWebhooks;
  let beforeQuery: (sql: string) => void;
  beforeAll(async () => {
    Logger.overrideLogger(false);
    open = await openWebhooks((database) => {
      const query = database.query.bind(database);
      return Object.assign(database, {
        query: async (sql: string, parameters?: readonly unknown[]) => {
          beforeQuery(sql);
          return query(sql, parameters);
        },
      });
    });
    open.dispatcher.onApplicationBootstrap();
    open.fanOut.onApplicationBootstrap();
  });
  beforeEach(async () => {
    beforeQuery = () => undefined;
    open.sender.sent.length = 0;
    open.sender.respond = () => Promise.resolve(204);
    open.keys.rights.clear();
    for (const table of ['deliveries', 'webhooks', 'callbacks']) await open.db.database.query(`DELETE FROM ${table}`);
    for (const id of ['key_none', 'key_one']) open.keys.rights.set(id, EVERYTHING);
  });
  afterAll(async () => {
    await open.fanOut.onApplicationShutdown();
    await open.dispatcher.onApplicationShutdown();
    await open.close();
    Logger.overrideLogger(['error', 'warn', 'log']);
  });

  const message = (type: MessageType, projectId: string | null): Message => ({
    ...{ id: newId('evt'), type, timestamp: new Date(), projectId, data: {}, traceparent: null },
  });
  const insert = async (...deliveries: readonly Delivery[]): Promise<readonly string[]> => {
    await open.deliveries.insert(deliveries);
    open.dispatcher.wake();
    return deliveries.map(({ id }) => id);
  };
  const pending = (webhook: Webhook, type: MessageType, projectId: string | null = 'web') =>
    deliveryOf(message(type, projectId), webhook.id, new Date());
  const endOf = async (id: string) => {
    await until(async () => (await open.deliveries.findById(id))?.status !== 'pending');
    return { ...(await open.deliveries.findById(id))!, attempts: await open.deliveries.attempts(id) };
  };
  const statuses = async (ids: readonly string[]) => Promise.all(ids.map(async (id) => (await endOf(id)).status));
  const failed = (...deliveries: readonly Delivery[]): Promise<readonly string[]> =>
    open.db.database.run(async () => {
      await open.deliveries.insert(deliveries);
      const ids = deliveries.map(({ id }) => id);
      await open.db.database.query(
        `UPDATE deliveries SET status = 'failed', ended_at = now(), next_attempt_at = NULL WHERE id = ANY($1)`,
        [ids],
      );
      return ids;
    });

  describe('at each attempt', () => {
    it('tells only what the webhook asks for and its key may read now', async () => {
      open.keys.rights.set('key_one', { scopes: ['commands:read', 'webhooks:write'], projects: ['web', 'app'] });
      const webhook = await open.subscribe({ keyId: 'key_one', events: ['command.*', 'project.*'], projects: ['web'] });
      const ids = await insert(
        pending(webhook, 'command.failed'),
        pending(webhook, 'project.failed'),
        pending(webhook, 'key.created', null),
        pending(webhook, 'command.failed', 'app'),
        pending(webhook, 'command.failed', 'other'),
        pending(webhook, 'webhook.test', null),
      );
      expect(await statuses(ids)).toEqual(['delivered', 'failed', 'failed', 'failed', 'failed', 'delivered']);
      expect(open.sender.sent).toHaveLength(2);
      const { attempts } = await endOf(ids[1]!);
      expect(attempts).toMatchObject([{ status: null, error: expect.stringContaining('It was not sent') }]);
      expect(await open.webhooks.findById(webhook.id)).toMatchObject({ enabled: true, failingSince: null });
    });

    it('disables the webhook of a key that is no longer valid, and sends nothing', async () => {
      open.keys.rights.set('key_one', null);
      const webhook = await open.subscribe({ keyId: 'key_one' });
      const ids = await insert(...Array.from({ length: 20 }, () => pending(webhook, 'command.failed')));
      expect(new Set(await statuses(ids))).toEqual(new Set(['failed']));
      expect(open.sender.sent).toEqual([]);
      expect((await open.webhooks.findById(webhook.id))?.disabledReason).toContain('key is no longer valid');
      expect(
        open.log.added.filter(({ type, target }) => type === 'webhook.disabled' && target === webhook.id),
      ).toHaveLength(1);
    });

    it('does the same for callbacks', async () => {
      const callback = (keyId: string) =>
        callbackDelivery(
          message('command.failed', 'web'),
          { commandId: newId('cmd'), url: 'https://a.example/', keyId },
          new Date(),
        );
      open.keys.rights.set('key_blind', { scopes: ['webhooks:read'], projects: null });
      open.keys.rights.set('key_other', { scopes: ['commands:read'], projects: ['other'] });
      open.keys.rights.set('key_gone', null);
      const ids = await insert(callback('key_one'), callback('key_blind'), callback('key_other'), callback('key_gone'));
      expect(await statuses(ids)).toEqual(['delivered', 'failed', 'failed', 'failed']);
      expect(open.sender.sent).toHaveLength(1);
    });

    it('records it when the database is there again', async () => {
      const webhook = await open.subscribe();
      let failures = 3;
      beforeQuery = (sql) => {
        if (sql.includes('INSERT INTO delivery_attempts') && failures-- > 0) throw new Unavailable('away');
      };
      const [id] = await insert(pending(webhook, 'command.failed'));
      expect((await endOf(id!)).attempts).toHaveLength(1);
      expect(failures).toBe(-1);
      expect(open.sender.sent).toHaveLength(1);
    });

    it('gives an endpoint with nothing under way its turn while others are slow', async () => {
      const gate = Promise.withResolvers<number>();
      open.sender.respond = ({ url }) => (url.includes('slow') ? gate.promise : Promise.resolve(204));
      const slow = await Promise.all(
        Array.from({ length: 80 }, (_, i) =>
          open.subscribe({ keyId: 'key_one', url: `https://slow-${i % 40}.example/` }),
        ),
      );
      await insert(
        ...slow.flatMap((webhook) => [pending(webhook, 'command.failed'), pending(webhook, 'command.failed')]),
      );
      await until(() => open.sender.sent.length >= 64);
      const [id] = await insert(pending(await open.subscribe({ url: 'https://prompt.example/' }), 'command.failed'));
      expect((await endOf(id!)).status).toBe('delivered');
      expect(open.sender.sent.filter(({ url }) => url.includes('slow'))).toHaveLength(64);
      gate.resolve(204);
      await until(async () => (await open.deliveries.backlog(100)).pending === 0);
    });

    it('abandons what is pending when an endpoint is gone, also after the webhook is enabled again', async () => {
      const webhook = await open.subscribe();
      const gone = Array.from({ length: 30 }, () => pending(webhook, 'command.failed'));
      const late = pending(webhook, 'command.failed');
      const before = new Set([...gone, late].map(({ messageId }) => messageId));
      open.sender.respond = ({ id }) => Promise.resolve(before.has(id) ? 410 : 204);
      const ids = await insert(...gone);
      await until(async () => (await open.webhooks.findById(webhook.id))?.enabled === false);
      // As by a replica that has read the webhook before.
      await open.deliveries.insert([late]);
      await open.service.patch(webhook.id, { enabled: true }, aCaller({ keyId: 'key_one' }));
      expect(new Set(await statuses([...ids, late.id]))).toEqual(new Set(['failed']));
      const next = await open.service.test(webhook.id, aCaller());
      expect((await endOf(next.id)).status).toBe('delivered');
      const sent = open.sender.sent.map(({ id }) => id);
      expect(sent).not.toContain(late.messageId);
      expect(sent).toHaveLength(new Set(sent).size);
      // Attempts that were under way, and no more of them.
      expect(sent.length).toBeLessThan(30);
    });
  });

  describe('for a caller', () => {
    const weak = aCaller({ scopes: ['webhooks:read', 'webhooks:write'] });
    const limited = aCaller({ scopes: ['webhooks:read', 'webhooks:write', 'commands:read'], projects: ['web'] });
    const withKey = <T>(caller: Caller, key: string, body: string, work: () => Promise<T>): Promise<T> => {
      const actor = { keyId: caller.keyId, ip: null, userAgent: null, requestId: 'r' };
      const idempotency = { route: 'POST /x', key, fingerprint: Buffer.from(body) };
      return runInRequest({ requestId: 'r', actor, idempotency }, work);
    };

    it('who takes a webhook over, tell nothing that was pending for the former key', async () => {
      open.sender.respond = () => Promise.resolve(500);
      const webhook = await open.subscribe();
      const [id] = await insert(pending(webhook, 'command.failed'));
      await until(() => open.sender.sent.length === 1);
      open.keys.rights.set(weak.keyId, weak);
      await open.service.patch(webhook.id, { url: 'https://evil.example/' }, weak);
      await open.db.database.query('UPDATE deliveries SET next_attempt_at = now()');
      open.dispatcher.wake();
      expect((await endOf(id!)).status).toBe('failed');
      expect(open.sender.sent.filter(({ url }) => url.includes('evil'))).toEqual([]);
    });

    it('are shown, redelivered and recovered as far as it may read them', async () => {
      const webhook = await open.subscribe({ projects: ['web'] });
      const [own, ofProject, foreign, ofKey, test] = await failed(
        pending(webhook, 'command.failed'),
        pending(webhook, 'project.failed'),
        pending(webhook, 'command.failed', 'other'),
        pending(webhook, 'key.created', null),
        pending(webhook, 'webhook.test', null),
      );
      const { data } = await open.service.listDeliveries(webhook.id, null, { limit: 10 }, limited);
      expect(data.map(({ id }) => id)).toEqual([test, own]);
      for (const id of [ofProject!, foreign!, ofKey!]) {
        await expect(open.service.delivery(id, limited)).rejects.toMatchObject({ code: 'NOT_FOUND' });
        await expect(open.service.redeliver(id, limited)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      }
      expect(await open.service.recover(webhook.id, new Date(0), limited)).toBe(2);
      expect(await statuses([own!, test!])).toEqual(['delivered', 'delivered']);
      expect(await statuses([ofProject!, foreign!, ofKey!])).toEqual(['failed', 'failed', 'failed']);
      // What the webhook does not ask for is left alone, too.
      expect(await open.service.recover(webhook.id, new Date(0), aCaller())).toBe(1);
    });

    it('of callbacks, too', async () => {
      const callback = callbackDelivery(
        message('command.failed', 'web'),
        { commandId: newId('cmd'), url: 'https://a.example/', keyId: 'key_one' },
        new Date(),
      );
      const [id] = await failed(callback);
      for (const caller of [weak, aCaller({ ...limited, projects: ['other'] })])
        await expect(open.service.redeliver(id!, caller)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await open.service.redeliver(id!, limited);
      expect((await endOf(id!)).status).toBe('delivered');
      expect(open.log.added.at(-1)).toMatchObject({
        ...{ type: 'webhook.redelivered', target: callback.id.replace('dlv_', 'cmd_') },
        ...{ projectId: 'web', data: { deliveryId: id } },
      });
    });

    it('are redelivered and recovered once per Idempotency-Key, and tests, redeliveries and recoveries are recorded', async () => {
      const webhook = await open.subscribe();
      const [one] = await failed(pending(webhook, 'command.failed'));
      const redeliver = () => withKey(limited, 'redeliver', '', () => open.service.redeliver(one!, aCaller()));
      await redeliver();
      expect((await endOf(one!)).status).toBe('delivered');
      await redeliver();
      expect((await open.deliveries.findById(one!))?.status).toBe('delivered');
      expect(open.sender.sent).toHaveLength(1);

      await failed(pending(webhook, 'command.failed'), pending(webhook, 'command.failed'));
      const recover = (body: string) =>
        withKey(limited, 'recover', body, () => open.service.recover(webhook.id, new Date(0), aCaller()));
      expect(await recover('a')).toBe(2);
      await failed(pending(webhook, 'command.failed'));
      expect(await recover('a')).toBe(2);
      await expect(recover('b')).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
      await open.service.test(webhook.id, aCaller());
      const about = open.log.added.filter(({ target }) => target === webhook.id).map(({ type, data }) => [type, data]);
      expect(about).toEqual([
        ['webhook.redelivered', { deliveryId: one }],
        ['webhook.recovered', { since: new Date(0).toISOString(), recovered: 2 }],
        ['webhook.tested', { deliveryId: expect.stringMatching(/^dlv_/) }],
      ]);
    });

    it('keeps the secret of what it may not read, and does not take over by changing nothing', async () => {
      const webhook = await open.subscribe({ events: ['*'], projects: ['web'] });
      await expect(open.service.rotateSecret(webhook.id, 0, limited)).rejects.toMatchObject({
        code: 'INSUFFICIENT_SCOPE',
      });
      const narrow = await open.subscribe({ events: ['command.*'], projects: ['web'] });
      expect((await open.service.rotateSecret(narrow.id, 0, limited)).secret).toMatch(/^whsec_./);
      const { url, events, projects, enabled } = webhook;
      const same = await open.service.patch(webhook.id, { url, events, projects, enabled, description: 'x' }, weak);
      expect(same).toMatchObject({ keyId: 'key_none', description: 'x' });
    });

    it('restarts the count of failures at another URL', async () => {
      const webhook = await open.subscribe();
      await open.deliveries.noteHealth(webhook, false);
      const described = await open.service.patch(webhook.id, { description: 'x' }, aCaller());
      expect(described.failingSince).not.toBeNull();
      expect((await open.service.patch(webhook.id, { url: 'https://b.example/' }, aCaller())).failingSince).toBeNull();
    });

    it('with no project, has no webhook and sees none for no project', async () => {
      const blind = aCaller({ scopes: ['admin'], projects: [] });
      const spec = { url: 'https://a.example/', events: ['*'], projects: null, description: null, enabled: true };
      await expect(open.service.create(spec, blind)).rejects.toMatchObject({ errors: [{ pointer: '#/projects' }] });
      const empty = await open.subscribe({ projects: [] });
      await expect(open.service.get(empty.id, limited)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect((await open.service.list({ limit: 10 }, limited)).data).toEqual([]);
    });
  });

  describe('of events', () => {
    it('are made of each, whatever is wrong with others', async () => {
      await open.subscribe();
      const command = newId('cmd');
      await open.callbacks.insert({ commandId: command, url: 'https://callback.example/', keyId: 'key_one' });
      open.log.append(
        { ...ended('x'), data: null as never },
        {
          type: 'project.created',
          data: {
            projectId: {
              toJSON: () => {
                throw new Error('no');
              },
            },
          },
        },
        { ...ended('failed'), target: command },
      );
      await until(() => open.sender.sent.length >= 2);
      expect(open.sender.sent.map(({ url }) => url).sort()).toEqual([
        'https://callback.example/',
        'https://example.com/',
      ]);
    });

    it('are not passed over while the database is unavailable', async () => {
      await open.subscribe();
      let failures = 1;
      beforeQuery = (sql) => {
        if (sql.includes('INSERT INTO deliveries') && failures-- > 0) throw new Unavailable('away');
      };
      open.log.append(ended('failed'));
      await until(() => open.sender.sent.length === 1);
      expect(failures).toBe(-1);
    });

    it('are inserted a bounded number at a time, while other work has its turn', async () => {
      const { db, log } = open;
      open.sender.respond = () => new Promise(() => undefined);
      await db.database.query(
        `INSERT INTO webhooks (id, url, events, enabled, key_id, secret, created_at, updated_at)
         SELECT 'whk_' || i, 'https://example.com/', '{command.failed}', i % 2 = 0, 'key_none', 'whsec_', now(), now() FROM generate_series(1, 1600) i`,
      );
      const sizes: number[] = [];
      const insertion = jest.spyOn(open.deliveries, 'insert').mockImplementation((rows) => {
        sizes.push(rows.length);
        return Promise.resolve();
      });
      let positions = 0;
      beforeQuery = (sql) => {
        if (sql.includes('UPDATE event_cursors')) positions++;
      };
      let turns = 0;
      const turn = setInterval(() => turns++, 0);
      log.append(...Array.from({ length: 40 }, () => ended('failed')));
      await until(() => sizes.reduce((sum, size) => sum + size, 0) === 40 * 800);
      await until(() => positions === 4);
      clearInterval(turn);
      insertion.mockRestore();
      expect(Math.max(...sizes)).toBe(1_000);
      expect(turns).toBeGreaterThan(10);
    });
  });

  it('follow any number of rotations of a key, and a cycle', async () => {
    const keys = new PostgresKeyStates(open.db.database);
    await open.db.database.query(
      `INSERT INTO api_keys (id, name, prefix, hash, scopes, rotated_from, revoked_at, created_at)
       SELECT 'key_' || i, 'k', 'p' || i, decode(md5(i::text), 'hex'), '{commands:read}', CASE WHEN i > 0 THEN 'key_' || (i - 1) END,
         CASE WHEN i < 250 THEN now() END, now() FROM generate_series(0, 250) i`,
    );
    expect((await keys.of(['key_0'])).get('key_0')?.rights).toEqual({ scopes: ['commands:read'], projects: null });
    await open.db.database.query(`UPDATE api_keys SET rotated_from = 'key_250', revoked_at = now() WHERE id = 'key_0'`);
    await open.db.database.query(`UPDATE api_keys SET revoked_at = now()`);
    expect((await keys.of(['key_0'])).get('key_0')?.rights).toBeNull();
  });
});
