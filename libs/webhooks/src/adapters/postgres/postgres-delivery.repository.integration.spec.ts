import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { newId } from '@app/kernel';
import { callbackDelivery, deliveryOf } from '../../application/new-delivery.js';
import type { Delivery } from '../../domain/delivery.js';
import type { Message } from '../../domain/message.js';
import type { Webhook } from '../../domain/webhook.js';
import { PostgresDeliveryRepository } from './postgres-delivery.repository.js';
import { PostgresWebhookRepository } from './postgres-webhook.repository.js';

const EVERYTHING = { slots: 8, of: new Map<string, number>() };
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

  const aWebhook = async (over: Partial<Webhook> = {}): Promise<Webhook> => {
    const webhook: Webhook = {
      id: newId('whk'),
      url: 'https://example.com/',
      events: ['*'],
      projects: null,
      description: null,
      enabled: true,
      disabledReason: null,
      keyId: 'key_none',
      secret: 'whsec_',
      formerSecret: null,
      formerSecretUntil: null,
      failingSince: null,
      createdAt: new Date(),
      updatedAt: new Date(),
      ...over,
    };
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
    };
    const deliveries = Array.from({ length: count }, () =>
      deliveryOf(message, webhook.id, new Date(Date.now() - 1_000)),
    );
    await here.insert(deliveries);
    return deliveries;
  };
  const claimedIds = async (from: PostgresDeliveryRepository, limit = 50, capacity = EVERYTHING) =>
    (await from.claim(limit, capacity, 45)).map(({ delivery }) => delivery.id);

  it('gives each delivery to one replica, again only when the claim has expired', async () => {
    const deliveries = await due(await aWebhook({}), 8);
    const claims = await Promise.all([claimedIds(here), claimedIds(there)]);
    expect(claims.flat().sort()).toEqual(deliveries.map(({ id }) => id).sort());
    expect(await claimedIds(here)).toEqual([]);
    await db.database.query(`UPDATE deliveries SET next_attempt_at = next_attempt_at - interval '46 seconds'`);
    expect(await claimedIds(there)).toHaveLength(8);
  });

  it('gives no endpoint more than it has room for, and none of one that is disabled', async () => {
    const [busy, free, off] = [await aWebhook(), await aWebhook(), await aWebhook({ enabled: false })];
    await due(busy, 20);
    await due(free, 20);
    await due(off, 5);
    const claimed = await here.claim(50, { slots: 8, of: new Map([[busy.id, 2]]) }, 45);
    const of = (webhook: Webhook) => claimed.filter((one) => one.webhook?.id === webhook.id).length;
    expect([of(busy), of(free), of(off)]).toEqual([2, 8, 0]);
    expect(await claimedIds(here, 50, { slots: 0, of: new Map() })).toEqual([]);
  });

  it('keeps every attempt, and ends what no attempt is left for', async () => {
    const [delivery] = await due(await aWebhook());
    await here.record(delivery!.id, REFUSED, 'pending', 60_000);
    expect(await here.findById(delivery!.id)).toMatchObject({ status: 'pending', attemptCount: 1, endedAt: null });
    expect(await claimedIds(here)).toEqual([]);
    await here.record(delivery!.id, { ...REFUSED, status: null, error: 'cut off' }, 'failed', null);
    expect(await here.findById(delivery!.id)).toMatchObject({ status: 'failed', attemptCount: 2, nextAttemptAt: null });
    expect((await here.attempts(delivery!.id)).map(({ status, error }) => [status, error])).toEqual([
      [500, null],
      [null, 'cut off'],
    ]);
  });

  it('keeps a delivery failed that was abandoned during the attempt, unless that succeeded', async () => {
    const webhook = await aWebhook();
    const [one, other] = await due(webhook, 2);
    await webhooks.disable(webhook.id, 'gone', async () => undefined);
    await here.record(one!.id, REFUSED, 'pending', 1_000);
    await here.record(other!.id, { ...REFUSED, status: 200 }, 'delivered', null);
    expect((await here.findById(one!.id))?.status).toBe('failed');
    expect((await here.findById(other!.id))?.status).toBe('delivered');
  });

  it('sends again what has ended, with all attempts left', async () => {
    const webhook = await aWebhook();
    const [one, other] = await due(webhook, 2);
    expect(await here.redeliver(one!.id)).toBe(false);
    await here.record(one!.id, REFUSED, 'failed', null);
    await here.record(other!.id, { ...REFUSED, status: 200 }, 'delivered', null);
    expect(await here.recover(webhook.id, new Date(Date.now() + 60_000))).toBe(0);
    expect(await here.recover(webhook.id, new Date(0))).toBe(1);
    expect(await here.redeliver(other!.id)).toBe(true);
    expect((await claimedIds(here)).sort()).toEqual([one!.id, other!.id].sort());
    expect(await here.findById(one!.id)).toMatchObject({ attemptCount: 0, status: 'pending', endedAt: null });
  });

  it('knows since when an endpoint has failed, and how late it is', async () => {
    const webhook = await aWebhook();
    const since = await here.noteHealth(webhook.id, false);
    expect(await there.noteHealth(webhook.id, false)).toEqual(since);
    expect(await here.noteHealth(webhook.id, true)).toBeNull();
    await due(webhook, 3);
    await db.database.query(`UPDATE deliveries SET next_attempt_at = now() - interval '10 minutes'`);
    const { pending, lateSeconds } = await here.backlog();
    expect([pending, Math.round(lateSeconds / 60)]).toEqual([3, 10]);
  });

  it('gives the deliveries of callbacks with their URL, as of one endpoint per key and origin', async () => {
    const message: Message = { id: 'evt', type: 'command.lost', timestamp: new Date(), projectId: 'web', data: {} };
    const to = (url: string, keyId = 'key_one') =>
      callbackDelivery(message, { commandId: newId('cmd'), url, keyId }, new Date());
    const sent = [
      to('https://a.example/1'),
      to('https://a.example/2'),
      to('https://b.example/'),
      to('https://a.example/', 'key_two'),
    ];
    await here.insert(sent);
    const capacity = { slots: 1, of: new Map([[sent[2]!.endpointId, 0]]) };
    const claimed = await here.claim(10, capacity, 45);
    expect(claimed.map(({ webhook }) => webhook)).toEqual([null, null]);
    expect(claimed.map(({ delivery }) => delivery.callback).sort((a, b) => (a!.keyId < b!.keyId ? -1 : 1))).toEqual([
      { url: expect.stringMatching('https://a.example/[12]'), keyId: 'key_one' },
      { url: 'https://a.example/', keyId: 'key_two' },
    ]);
    expect((await here.backlog()).pending).toBe(4);
    expect(await here.forgetRemoved(10)).toBe(0);
  });

  it('removes the deliveries of removed webhooks a few at a time, and gives none of them', async () => {
    const [kept, removed] = [await aWebhook(), await aWebhook()];
    const [one] = await due(kept, 1);
    const [other] = await due(removed, 5);
    await here.record(other!.id, REFUSED, 'failed', null);
    await webhooks.remove(removed.id);
    expect(await claimedIds(here)).toEqual([one!.id]);
    expect((await here.backlog()).pending).toBe(1);
    expect([await here.forgetRemoved(4), await here.forgetRemoved(4), await here.forgetRemoved(4)]).toEqual([4, 1, 0]);
    expect(await here.attempts(other!.id)).toEqual([]);
    expect(await here.findById(one!.id)).not.toBeNull();
  });

  it('forgets what ended long ago, with its attempts, and nothing that is pending', async () => {
    const [old, pending] = await due(await aWebhook(), 2);
    await here.record(old!.id, REFUSED, 'failed', null);
    await db.database.query(
      `UPDATE deliveries SET ended_at = ended_at - interval '31 days', created_at = now() - interval '40 days'`,
    );
    expect(await here.forget(30, 100)).toBe(1);
    expect([await here.findById(old!.id), await here.attempts(old!.id)]).toEqual([null, []]);
    expect(await here.findById(pending!.id)).not.toBeNull();
  });
});
