import { openTestDatabase } from '@app/database/testing';
import { describeProjectRepository } from '@app/projects/testing';
import { TypeormProjectRepository } from './typeorm-project.repository.js';

describeProjectRepository('PostgreSQL', async () => {
  const { database, close } = await openTestDatabase();
  return { projects: new TypeormProjectRepository(database), close };
});
