import { BeforeScrape } from './before-scrape.js';

describe('BeforeScrape', () => {
  let beforeScrape: BeforeScrape;
  let done: string[];
  beforeEach(() => {
    jest.useFakeTimers();
    beforeScrape = new BeforeScrape();
    done = [];
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('waits for all jobs, whether they fail or not', async () => {
    beforeScrape.add(() => {
      throw new Error('at once');
    });
    beforeScrape.add(async () => {
      await Promise.resolve();
      done.push('later');
    });
    beforeScrape.add(() => Promise.reject(new Error('later')));
    await beforeScrape.run();
    await beforeScrape.run();
    expect(done).toEqual(['later', 'later']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('goes on without a job that hangs, and starts it again only when it has ended', async () => {
    let end = (): void => undefined;
    let starts = 0;
    beforeScrape.add(() => {
      starts++;
      return new Promise<void>((resolve) => {
        end = resolve;
      });
    });
    beforeScrape.add(() => {
      done.push('other');
    });
    const scrape = beforeScrape.run();
    await jest.advanceTimersByTimeAsync(5_000);
    await scrape;
    await beforeScrape.run();
    expect({ starts, done }).toEqual({ starts: 1, done: ['other', 'other'] });
    end();
    await jest.advanceTimersByTimeAsync(0);
    const next = beforeScrape.run();
    expect(starts).toBe(2);
    end();
    await next;
  });
});
