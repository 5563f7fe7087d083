import { openTestDatabase } from '@app/database/testing';
import { aProject, describeProjectRepository } from '@app/projects/testing';
import { PostgresProjectRepository } from './postgres-project.repository.js';

describeProjectRepository('PostgreSQL', async () => {
  const { database, close } = await openTestDatabase();
  return { projects: new PostgresProjectRepository(database), close };
});

describe('a project that is due now', () => {
  it('is due at that very instant, which must not be rounded up', async () => {
    const { database, close } = await openTestDatabase();
    const projects = new PostgresProjectRepository(database);
    const claim = async (owner: string, leaseSeconds: number): Promise<string[]> =>
      (await projects.claim(owner, leaseSeconds, 10)).map(({ id }) => id);
    // Time stands still within a transaction; every other one begins in the second half of a millisecond.
    for (let i = 0; i < 16; i++) {
      await database.run(async () => {
        const project = aProject({ ttlSeconds: 0, idleStopSeconds: 0 });
        await projects.insert(project, 'running');
        expect(await projects.expired('')).toContain(project.id);
        expect(await projects.idle('')).toContain(project.id);
        expect(await claim('a', 0)).toEqual([project.id]);
        expect(await projects.renew(project.id, 'a', 60)).toBe(false);
        expect(await claim('b', 60)).toEqual([project.id]);
        await projects.release(project.id, 'b', 0);
        expect(await claim('a', 60)).toEqual([project.id]);
        await projects.makeDue(project.id);
        await projects.release(project.id, 'a', 60);
        expect(await claim('a', 60)).toEqual([project.id]);
        await projects.delete(project.id);
      });
    }
    await close();
  });
});
