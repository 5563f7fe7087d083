import { Unavailable } from '@app/kernel';
import { Logger } from '@nestjs/common';
import type { QueuePlace } from '@app/commands';
import type { PlaceRepository } from './place.repository.js';
import { SharedQueuePlaces } from './shared-queue-places.js';

/** A queue as one line of ids in order. The test decides how long a query takes. */
class FakeQueue implements PlaceRepository {
  ids: string[] = [];
  readonly looks: string[][] = [];
  lookMs = 0;
  isAway = false;

  async places(ids: readonly string[]): Promise<ReadonlyMap<string, QueuePlace>> {
    this.looks.push([...ids]);
    if (this.lookMs > 0) await new Promise((resolve) => setTimeout(resolve, this.lookMs));
    if (this.isAway) throw new Unavailable('It is unavailable.');
    const queued = ids.filter((id) => this.ids.includes(id));
    return new Map(queued.map((id) => [id, this.placeOf(id)]));
  }

  placeOf(id: string): QueuePlace {
    const ahead = this.ids.indexOf(id);
    return { position: ahead + 1, ahead, estimatedWaitSeconds: null };
  }
}

describe('SharedQueuePlaces', () => {
  let queue: FakeQueue;
  let places: SharedQueuePlaces;

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(() => {
    jest.useFakeTimers();
    queue = new FakeQueue();
    places = new SharedQueuePlaces(queue);
  });
  afterEach(() => jest.useRealTimers());

  const watch = (id: string): { readonly seen: (number | null)[]; stop(): void } => {
    const seen: (number | null)[] = [];
    return { seen, stop: places.watch(id, (place) => seen.push(place?.position ?? null)) };
  };

  it('returns the place of a queued command, and runs no query for others', async () => {
    queue.ids = ['a', 'b'];
    expect(await places.of({ id: 'b', status: 'queued' })).toEqual({
      position: 2,
      ahead: 1,
      estimatedWaitSeconds: null,
    });
    expect(await places.of({ id: 'gone', status: 'queued' })).toBeNull();
    expect(await places.of({ id: 'b', status: 'running' })).toBeNull();
    expect(queue.looks).toEqual([['b'], ['gone']]);
  });

  it('answers all callers that arrive during a query with one more query, which starts after they asked', async () => {
    queue.ids = ['a', 'b', 'c'];
    queue.lookMs = 100;
    const ask = async (id: string): Promise<number | undefined> =>
      (await places.of({ id, status: 'queued' }))?.position;
    const first = ask('a');
    await jest.advanceTimersByTimeAsync(50);
    const rest = Promise.all(['b', 'c', 'b'].map(ask));
    queue.ids = ['c', 'b'];
    await jest.advanceTimersByTimeAsync(200);
    expect([await first, ...(await rest)]).toEqual([undefined, 2, 1, 2]);
    expect(queue.looks).toEqual([['a'], ['b', 'c']]);
  });

  it('answers the next caller although the previous query failed', async () => {
    queue.ids = ['a'];
    queue.isAway = true;
    await expect(places.of({ id: 'a', status: 'queued' })).rejects.toBeInstanceOf(Unavailable);
    queue.isAway = false;
    expect(await places.of({ id: 'a', status: 'queued' })).toMatchObject({ position: 1 });
  });

  it('tells all watchers with one query per second, also when a command is no longer queued', async () => {
    queue.ids = ['a', 'b', 'c'];
    const [b, alsoB, c] = [watch('b'), watch('b'), watch('c')];
    await jest.advanceTimersByTimeAsync(1_000);
    queue.ids = ['b', 'c'];
    await jest.advanceTimersByTimeAsync(1_000);
    queue.ids = ['c'];
    await jest.advanceTimersByTimeAsync(1_000);
    expect(queue.looks).toEqual([['b', 'c'], ['b', 'c'], ['b', 'c']]); // prettier-ignore
    expect([b.seen, alsoB.seen, c.seen]).toEqual([[2, 1, null], [2, 1, null], [3, 2, 1]]); // prettier-ignore
  });

  it('stops querying once there is no watcher, and starts again with the next one', async () => {
    queue.ids = ['a'];
    const first = watch('a');
    first.stop();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(queue.looks).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
    const second = watch('a');
    await jest.advanceTimersByTimeAsync(1_000);
    second.stop();
    expect([first.seen, second.seen]).toEqual([[], [1]]);
  });

  it('uses at most a tenth of the time, however long a query takes', async () => {
    queue.ids = ['a'];
    queue.lookMs = 2_000;
    watch('a');
    await jest.advanceTimersByTimeAsync(200_000);
    expect(queue.looks.length).toBeGreaterThanOrEqual(8);
    expect(queue.looks.length).toBeLessThanOrEqual(10);
  });

  it('continues when the database has recovered', async () => {
    queue.ids = ['a'];
    queue.isAway = true;
    const { seen } = watch('a');
    await jest.advanceTimersByTimeAsync(3_000);
    expect(seen).toEqual([]);
    queue.isAway = false;
    await jest.advanceTimersByTimeAsync(1_000);
    expect(seen).toEqual([1]);
  });
});
