import { randomBytes } from 'node:crypto';
import type { TicketRepository } from '../src/application/ticket.repository.js';

export interface TicketRepositoryHarness {
  readonly tickets: TicketRepository;
  /** Lets time pass. */
  age(seconds: number): Promise<void>;
  close(): Promise<void>;
}

const PATH = '/v1/commands/cmd_1/events';
const DAY = 86_400;

export function describeTicketRepository(name: string, open: () => Promise<TicketRepositoryHarness>): void {
  describe(`TicketRepository: ${name}`, () => {
    let harness: TicketRepositoryHarness;
    let tickets: TicketRepository;
    let hash: Buffer;
    beforeAll(async () => {
      harness = await open();
      ({ tickets } = harness);
    });
    beforeEach(async () => {
      hash = randomBytes(32);
      await tickets.insert(hash, 'key_1', PATH);
    });
    afterAll(() => harness.close());

    it('opens its own path repeatedly', async () => {
      for (let use = 0; use < 3; use++) expect(await tickets.use(hash, PATH)).toBe('key_1');
    });

    it('opens no other path, and is not used up by the attempt', async () => {
      for (const path of ['/v1/commands/cmd_2/events', `${PATH}/`, PATH.toUpperCase(), ''])
        expect(await tickets.use(hash, path)).toBeNull();
      expect(await tickets.use(randomBytes(32), PATH)).toBeNull();
      expect(await tickets.use(hash, PATH)).toBe('key_1');
    });

    it('must be used within a minute', async () => {
      await harness.age(59);
      const late = randomBytes(32);
      await tickets.insert(late, 'key_2', PATH);
      expect(await tickets.use(hash, PATH)).toBe('key_1');
      await harness.age(61);
      expect(await tickets.use(late, PATH)).toBeNull();
      expect(await tickets.use(hash, PATH)).toBe('key_1');
    });

    it('is valid for a day, however often it is used', async () => {
      await tickets.use(hash, PATH);
      await harness.age(DAY - 10);
      expect(await tickets.use(hash, PATH)).toBe('key_1');
      await harness.age(11);
      expect(await tickets.use(hash, PATH)).toBeNull();
    });

    it('is valid for a last reconnect after the end of its stream', async () => {
      await tickets.use(hash, PATH);
      await tickets.end(hash);
      await harness.age(59);
      await tickets.end(randomBytes(32));
      expect(await tickets.use(hash, PATH)).toBe('key_1');
      await harness.age(2);
      expect(await tickets.use(hash, PATH)).toBeNull();
    });

    it('is not extended by the end of its stream', async () => {
      await tickets.use(hash, PATH);
      await harness.age(DAY - 30);
      await tickets.end(hash);
      await harness.age(31);
      expect(await tickets.use(hash, PATH)).toBeNull();
    });

    it('is deleted after its expiry', async () => {
      await harness.age(2 * DAY);
      await tickets.sweep();
      await tickets.insert(randomBytes(32), 'key_1', PATH);
      expect(await tickets.sweep()).toBe(0);
      await harness.age(61);
      expect(await tickets.sweep()).toBe(1);
    });
  });
}
