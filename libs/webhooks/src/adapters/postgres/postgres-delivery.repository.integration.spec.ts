import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { newId } from '@app/kernel';
import { Deferred } from '@app/kernel/testing';
import type { ClaimedDelivery } from '../../application/delivery.repository.js';
import { CONCURRENT_MAX, type Load } from '../../application/endpoint-health.js';
import { callbackDelivery, deliveryOf } from '../../application/new-delivery.js';
import { type Attempt, type Delivery, type DeliveryStatus, nameOf, originOf } from '../../domain/delivery.js';
import { type Message, type MessageType, readableBy } from '../../domain/message.js';
import type { Webhook } from '../../domain/webhook.js';
import { aWebhook } from '../../../testing/index.js';
import { PostgresDeliveryRepository } from './postgres-delivery.repository.js';
import { PostgresWebhookRepository } from './postgres-webhook.repository.js';

const IDLE: Load = { endpoints: new Map(), origins: new Map(), keys: new Map() };
const ALL = readableBy({ scopes: ['admin'], projects: null });
const REFUSED = { at: new Date(), status: 500, latencyMs: 3, excerpt: 'no', error: null };

describe('PostgresDeliveryRepository', () => {
  let db: OpenTestDatabase;
  let webhooks: PostgresWebhookRepository;
  let here: PostgresDeliveryRepository;
  let there: PostgresDeliveryRepository;
  beforeAll(async () => {
    db = await openTestDatabase();
    webhooks = new PostgresWebhookRepository(db.database);
    here = new PostgresDeliveryRepository(db.database);
    there = new PostgresDeliveryRepository((await db.anotherReplica()).database);
  });
  afterAll(() => db.close());
  afterEach(() => db.database.query('DELETE FROM deliveries'));

  const subscribed = async (traits: Partial<Webhook> = {}): Promise<Webhook> => {
    const webhook = aWebhook(traits);
    await webhooks.insert(webhook);
    return webhook;
  };
  const due = async (webhook: Webhook, count = 1): Promise<Delivery[]> => {
    const message: Message = {
      id: newId('evt'),
      type: 'webhook.test',
      timestamp: new Date(),
      projectId: null,
      data: {},
      traceparent: null,
    };
    const deliveries = Array.from({ length: count }, () =>
      deliveryOf(message, webhook.id, new Date(Date.now() - 1_000)),
    );
    await here.insert(deliveries);
    return deliveries;
  };
  /** Records an attempt of a claim that has not expired. */
  const record = async (id: string, attempt: Attempt, status: DeliveryStatus, nextMs: number | null): Promise<void> =>
    here.record((await here.findById(id))!, attempt, status, nextMs);
  const load = (webhook: Webhook, room: number, running = CONCURRENT_MAX.perEndpoint - room): Load => ({
    ...IDLE,
    endpoints: new Map([[nameOf({ keyId: webhook.keyId, origin: originOf(webhook.url) }), { running, room }]]),
  });
  const claimedIds = async (from: PostgresDeliveryRepository, limit = 50, load = IDLE) =>
    (await from.claim(limit, load, 45)).map(({ delivery }) => delivery.id);

  it('gives each delivery to one replica, again only when the claim has expired', async () => {
    const deliveries = await due(await subscribed({}), 8);
    const claims = await Promise.all([claimedIds(here), claimedIds(there)]);
    expect(claims.flat().sort()).toEqual(deliveries.map(({ id }) => id).sort());
    expect(await claimedIds(here)).toEqual([]);
    await db.database.query(`UPDATE deliveries SET next_attempt_at = next_attempt_at - interval '46 seconds'`);
    expect(await claimedIds(there)).toHaveLength(8);
  });

  it('gives no endpoint more than it has room for, and none of one that is disabled', async () => {
    const [busy, free] = [await subscribed({ keyId: 'key_busy' }), await subscribed()];
    const off = await subscribed({ enabled: false });
    await due(busy, 20);
    await due(free, 20);
    await due(off, 5);
    const claimed = await here.claim(50, load(busy, 2), 45);
    const of = (webhook: Webhook) => claimed.filter((one) => one.webhook?.id === webhook.id).length;
    expect([of(busy), of(free), of(off)]).toEqual([2, 8, 0]);
    expect(await claimedIds(here, 50, load(busy, 0))).toHaveLength(8);
  });

  it('keeps every attempt, and ends what no attempt is left for', async () => {
    const [delivery] = await due(await subscribed());
    await record(delivery!.id, REFUSED, 'pending', 60_000);
    expect(await here.findById(delivery!.id)).toMatchObject({ status: 'pending', attemptCount: 1, endedAt: null });
    expect(await claimedIds(here)).toEqual([]);
    await record(delivery!.id, { ...REFUSED, latencyMs: 4, status: null, error: 'cut off' }, 'failed', null);
    expect(await here.findById(delivery!.id)).toMatchObject({ status: 'failed', attemptCount: 2, nextAttemptAt: null });
    expect((await here.attempts(delivery!.id)).map(({ status, error }) => [status, error])).toEqual([
      [500, null],
      [null, 'cut off'],
    ]);
  });

  it('keeps a delivery failed that was abandoned during the attempt, unless that succeeded', async () => {
    const webhook = await subscribed();
    const [one, other] = await due(webhook, 2);
    await webhooks.disable(webhook, 'gone', async () => undefined);
    expect(await here.endAbandoned(10)).toBe(2);
    await record(one!.id, REFUSED, 'pending', 1_000);
    await record(other!.id, { ...REFUSED, status: 200 }, 'delivered', null);
    expect((await here.findById(one!.id))?.status).toBe('failed');
    expect((await here.findById(other!.id))?.status).toBe('delivered');
  });

  it('sends again what has ended, with all attempts left', async () => {
    const webhook = await subscribed();
    const [one, other] = await due(webhook, 2);
    expect(await here.redeliver(one!.id)).toBe(false);
    await record(one!.id, REFUSED, 'failed', null);
    await record(other!.id, { ...REFUSED, status: 200 }, 'delivered', null);
    expect(await here.recover(webhook.id, new Date(Date.now() + 60_000), [ALL], 10)).toBe(0);
    expect(await here.recover(webhook.id, new Date(0), [ALL], 10)).toBe(1);
    expect(await here.redeliver(other!.id)).toBe(true);
    expect((await claimedIds(here)).sort()).toEqual([one!.id, other!.id].sort());
    expect(await here.findById(one!.id)).toMatchObject({ attemptCount: 0, status: 'pending', endedAt: null });
  });

  it('knows since when an endpoint has failed, and how late it is', async () => {
    const webhook = await subscribed();
    const since = await here.noteHealth(webhook, false);
    expect(await there.noteHealth(webhook, false)).toEqual(since);
    expect(await here.noteHealth(webhook, true)).toBeNull();
    await due(webhook, 3);
    await db.database.query(`UPDATE deliveries SET next_attempt_at = now() - interval '10 minutes'`);
    const { pending, lateSeconds } = await here.backlog(100);
    expect([pending, Math.round(lateSeconds / 60)]).toEqual([3, 10]);
  });

  it('gives the deliveries of callbacks with their URL, as of one endpoint per key and origin', async () => {
    const message: Message = {
      id: 'evt',
      type: 'command.lost',
      timestamp: new Date(),
      projectId: 'web',
      data: {},
      traceparent: null,
    };
    const to = (url: string, keyId = 'key_one') =>
      callbackDelivery(message, { commandId: newId('cmd'), url, keyId }, new Date());
    const sent = [
      to('https://a.example/1'),
      to('https://a.example/2'),
      to('https://b.example/'),
      to('https://a.example/', 'key_two'),
    ];
    await here.insert(sent);
    const busy = { running: 7, room: 1 };
    const names = ['key_one https://a.example', 'key_two https://a.example'];
    const closed = { running: 0, room: 0 };
    const endpoints = new Map([...names.map((name) => [name, busy] as const), [sent[2]!.endpointId, closed] as const]);
    const claimed = await here.claim(10, { ...IDLE, endpoints }, 45);
    expect(claimed.map(({ webhook }) => webhook)).toEqual([null, null]);
    expect(claimed.map(({ delivery }) => delivery.callback).sort((a, b) => (a!.keyId < b!.keyId ? -1 : 1))).toEqual([
      { url: expect.stringMatching('https://a.example/[12]'), keyId: 'key_one' },
      { url: 'https://a.example/', keyId: 'key_two' },
    ]);
    expect((await here.backlog(100)).pending).toBe(4);
    expect(await here.forgetRemoved(10)).toBe(0);
  });

  it('removes the deliveries of removed webhooks a few at a time, and gives none of them', async () => {
    const [kept, removed] = [await subscribed(), await subscribed()];
    const [one] = await due(kept, 1);
    const [other] = await due(removed, 5);
    await record(other!.id, REFUSED, 'failed', null);
    await webhooks.remove(removed.id);
    expect(await claimedIds(here)).toEqual([one!.id]);
    expect((await here.backlog(100)).pending).toBe(1);
    expect([await here.forgetRemoved(4), await here.forgetRemoved(4), await here.forgetRemoved(4)]).toEqual([4, 1, 0]);
    expect(await here.attempts(other!.id)).toEqual([]);
    expect(await here.findById(one!.id)).not.toBeNull();
  });

  it('forgets what ended long ago, with its attempts, and nothing that is pending', async () => {
    const [old, pending] = await due(await subscribed(), 2);
    await record(old!.id, REFUSED, 'failed', null);
    await db.database.query(
      `UPDATE deliveries SET ended_at = ended_at - interval '31 days', created_at = now() - interval '40 days'`,
    );
    expect(await here.forget(30, 100)).toBe(1);
    expect([await here.findById(old!.id), await here.attempts(old!.id)]).toEqual([null, []]);
    expect(await here.findById(pending!.id)).not.toBeNull();
  });

  it('spreads claims over origins, keys and endpoints, and gives those with nothing under way precedence', async () => {
    const of = (keyId: string, host: string) => subscribed({ keyId, url: `https://${host}.example/` });
    for (let i = 0; i < 3; i++) await due(await of('key_one', 'shared'), 8);
    await due(await of('key_two', 'shared'), 8);
    await due(await of('key_three', 'shared'), 8);
    const all = await here.claim(100, IDLE, 45);
    const count = (keyId: string) => all.filter(({ endpoint }) => endpoint.keyId === keyId).length;
    expect(all).toHaveLength(CONCURRENT_MAX.perOrigin);
    expect(Math.min(count('key_one'), count('key_two'), count('key_three'))).toBeGreaterThanOrEqual(5);

    for (let i = 0; i < 12; i++) await due(await of('key_many', `many-${i}`), 8);
    await due(await of('key_few', 'few'), 1);
    const keys = new Map([['key_many', 20]]);
    const next = await here.claim(100, { ...IDLE, keys, origins: new Map([['https://shared.example', 16]]) }, 45);
    expect(next.filter(({ endpoint }) => endpoint.keyId === 'key_many')).toHaveLength(CONCURRENT_MAX.perKey - 20);
    expect(next.filter(({ endpoint }) => endpoint.keyId === 'key_few')).toHaveLength(1);
    expect(next.some(({ endpoint }) => endpoint.origin === 'https://shared.example')).toBe(false);
    await db.database.query('DELETE FROM deliveries');

    const busy = await of('key_busy', 'busy');
    await due(busy, 8);
    const idle = await of('key_idle', 'idle');
    const [waiting] = await due(idle, 1);
    expect(await claimedIds(here, 1, load(busy, 1))).toEqual([waiting!.id]);
  });

  it('locks only what it claims, and leaves the rest to another replica', async () => {
    for (let i = 0; i < 4; i++) await due(await subscribed({ keyId: `key_${i}` }), 8);
    await db.database.run(async () => {
      const claimed = await claimedIds(here, 3);
      const free = 'SELECT id FROM deliveries FOR UPDATE SKIP LOCKED';
      const others = await db.dataSource.query<{ id: string }[]>(free);
      expect([claimed.length, others.length]).toEqual([3, 29]);
      const elsewhere = await claimedIds(there, 3);
      expect(elsewhere.filter((id) => claimed.includes(id))).toEqual([]);
    });
  });

  it('chooses again after another replica has taken all that it chose', async () => {
    await due(await subscribed(), 16);
    const claims = await Promise.all(Array.from({ length: 4 }, (_, i) => claimedIds(i % 2 === 0 ? here : there, 4)));
    const all = claims.flat();
    expect(new Set(all).size).toBe(all.length);
    expect(claims.filter((ids) => ids.length > 0).length).toBeGreaterThanOrEqual(2);
  });

  it('keeps delivered what another replica delivered, with each attempt once', async () => {
    const [delivery] = await due(await subscribed());
    const [late] = await here.claim(1, IDLE, 45);
    await db.database.query(`UPDATE deliveries SET next_attempt_at = now() - interval '1 second'`);
    const [current] = await there.claim(1, IDLE, 45);
    await there.record(current!.delivery, { ...REFUSED, status: 200 }, 'delivered', null);
    for (const [status, nextMs] of [['pending', 5_000] as const, ['failed', null] as const]) {
      const attempt = { ...REFUSED, at: new Date(Date.now() + (nextMs ?? 1)) };
      await here.record(late!.delivery, attempt, status, nextMs);
      await here.record(late!.delivery, attempt, status, nextMs);
    }
    const found = await here.findById(delivery!.id);
    expect(found).toMatchObject({ status: 'delivered', nextAttemptAt: null, attemptCount: 3 });
    expect(found!.endedAt).not.toBeNull();
    expect(await here.attempts(delivery!.id)).toHaveLength(3);
  });

  it('takes a late success, and nothing else, of an attempt whose claim has expired', async () => {
    const [one, other] = await due(await subscribed(), 2);
    const late = await here.claim(2, IDLE, 45);
    await db.database.query(`UPDATE deliveries SET next_attempt_at = now() - interval '1 second'`);
    await there.claim(2, IDLE, 45);
    const claimOf = (delivery: Delivery) => late.find((each) => each.delivery.id === delivery.id)!.delivery;
    await here.record(claimOf(one!), REFUSED, 'failed', null);
    await here.record(claimOf(other!), { ...REFUSED, status: 200 }, 'delivered', null);
    expect((await here.findById(one!.id))?.status).toBe('pending');
    expect((await here.findById(other!.id))?.status).toBe('delivered');
    await here.redeliver(other!.id);
    await here.record(claimOf(other!), { ...REFUSED, status: 200, latencyMs: 9 }, 'delivered', null);
    expect(await here.findById(other!.id)).toMatchObject({ status: 'pending', attemptCount: 0 });
    expect(await here.attempts(other!.id)).toHaveLength(2);
  });

  it('numbers attempts that are recorded at the same time', async () => {
    const [delivery] = await due(await subscribed());
    const [{ delivery: claim }] = (await here.claim(1, IDLE, 45)) as [ClaimedDelivery];
    await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        (i % 2 === 0 ? here : there).record(
          claim,
          { ...REFUSED, latencyMs: i, status: i === 3 ? 200 : 500 },
          i === 3 ? 'delivered' : 'failed',
          null,
        ),
      ),
    );
    expect(await here.attempts(delivery!.id)).toHaveLength(6);
    expect((await here.findById(delivery!.id))?.status).toBe('delivered');
  });

  it('abandons what is pending in constant time, ends it later, and gives none of it meanwhile', async () => {
    const webhook = await subscribed();
    await due(webhook, 6);
    await webhooks.disable(webhook, 'gone', async () => undefined);
    expect((await here.list(webhook.id, 'pending', { limit: 10 }, ALL)).data).toHaveLength(6);
    await webhooks.update({ ...webhook, enabled: true });
    const [later] = await due(webhook, 1);
    expect(await claimedIds(here)).toEqual([]);
    expect(await here.endAbandoned(4)).toBe(4);
    expect(await claimedIds(here)).toEqual([]);
    expect(await here.endAbandoned(4)).toBe(2);
    expect(await claimedIds(here)).toEqual([later!.id]);
    expect((await here.list(webhook.id, 'failed', { limit: 10 }, ALL)).data).toHaveLength(6);
    expect(await here.endAbandoned(4)).toBe(0);
  });

  it('does not disable a webhook that has another URL or key by now', async () => {
    const webhook = await subscribed();
    await webhooks.update({ ...webhook, keyId: 'key_other' });
    await webhooks.disable(webhook, 'gone', async () => undefined);
    expect((await webhooks.findById(webhook.id))?.enabled).toBe(true);
    expect(await here.noteHealth({ ...webhook, url: 'https://former.example/' }, false)).toBeNull();
  });

  it('counts failures that belong together, and not one after a quiet time', async () => {
    const webhook = await subscribed();
    const shift = (interval: string) =>
      db.database.query(
        `UPDATE webhooks SET failing_since = failing_since - $1::interval, failed_at = failed_at - $1::interval`,
        [interval],
      );
    const daysFailing = async () => {
      const since = await here.noteHealth(webhook, false);
      return Number(((Date.now() - since!.getTime()) / 86_400_000).toFixed(1)) + 0;
    };
    expect(await daysFailing()).toBe(0);
    for (let i = 1; i <= 5; i++) {
      await shift('24 hours');
      expect(await daysFailing()).toBe(i);
    }
    await shift('6 days');
    expect(await daysFailing()).toBe(0);
    // The previous release does not write when an attempt last failed.
    await db.database.query(`UPDATE webhooks SET failing_since = now() - interval '6 days', failed_at = NULL`);
    expect(await daysFailing()).toBe(0);
  });

  it('lists only what can be read, in full pages', async () => {
    const webhook = await subscribed();
    const of = (type: MessageType, projectId: string | null) =>
      deliveryOf(
        { id: 'evt', type, timestamp: new Date(), projectId, data: {}, traceparent: null },
        webhook.id,
        new Date(),
      );
    const mixed = Array.from({ length: 10 }, () => [
      of('command.lost', 'a_b'),
      of('command.lost', 'axb'),
      of('key.created', null),
      of('project.failed', 'a_b'),
    ]).flat();
    await here.insert([of('webhook.test', null), ...mixed]);
    const readable = readableBy({ scopes: ['commands:read'], projects: ['a_b'] });
    const first = await here.list(webhook.id, null, { limit: 8 }, readable);
    const second = await here.list(webhook.id, null, { limit: 8, cursor: first.nextCursor! }, readable);
    expect([first.data.length, second.data.length, second.nextCursor]).toEqual([8, 3, null]);
    const seen = new Set([...first.data, ...second.data].map(({ type, projectId }) => `${type} ${projectId}`));
    expect(seen).toEqual(new Set(['command.lost a_b', 'webhook.test null']));
    await db.database.query(`UPDATE deliveries SET status = 'failed', ended_at = now(), next_attempt_at = NULL`);
    expect(await here.recover(webhook.id, new Date(0), [ALL, readable], 4)).toBe(4);
    expect(await here.recover(webhook.id, new Date(0), [ALL, readable], 100)).toBe(7);
  });

  it('reads pages, what to recover and the backlog from indexes', async () => {
    const webhook = await subscribed();
    await db.database.query(
      `INSERT INTO deliveries (id, webhook_id, message_id, type, body, status, attempt_count, created_at, next_attempt_at)
       SELECT 'dlv_' || lpad(i::text, 26, '0'), $1, 'evt', 'webhook.test', repeat('x', 100),
         CASE WHEN i % 5000 = 0 THEN 'failed' WHEN i % 4 = 0 THEN 'pending' ELSE 'delivered' END, 0, now(), now() FROM generate_series(1, 20000) i`,
      [webhook.id],
    );
    await db.database.query('ANALYZE deliveries');
    const seen = jest.spyOn(db.database, 'query');
    expect((await here.list(webhook.id, 'failed', { limit: 2 }, ALL)).data).toHaveLength(2);
    await here.list(webhook.id, null, { limit: 2 }, ALL);
    expect(await here.recover(webhook.id, new Date(0), [ALL], 2)).toBe(2);
    expect((await here.backlog(1_000)).pending).toBe(1_000);
    expect(await claimedIds(here)).toHaveLength(8);
    const statements = seen.mock.calls.map(([sql, parameters]) => [sql, parameters] as const);
    seen.mockRestore();
    for (const [sql, parameters] of statements) {
      const rows = await db.database.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, parameters);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).not.toContain('Seq Scan on deliveries');
    }
    expect(statements.length).toBeGreaterThanOrEqual(6);
  });

  it('removes what was inserted for a webhook while it was removed', async () => {
    const webhook = await subscribed();
    const [inserted, removed] = [new Deferred(), new Deferred()];
    const fanOut = db.database.run(async () => {
      await due(webhook, 3);
      inserted.resolve();
      await removed.promise;
    });
    await inserted.promise;
    await new PostgresWebhookRepository((await db.anotherReplica()).database).remove(webhook.id);
    expect(await there.forgetRemoved(10)).toBe(0);
    removed.resolve();
    await fanOut;
    expect(await claimedIds(here)).toEqual([]);
    expect(await there.forgetRemoved(10)).toBe(3);
  });
});
