import { projectCreated } from './project.events.js';
import type { ProjectSpec } from './project.js';

describe('project.created', () => {
  it.each([
    ['https://host/repository.git', 'https://host/repository.git'],
    ['https://me:secret@host/repository', 'https://***@host/repository'],
    ['https://me:sec@ret@host/repository', 'https://***@host/repository'],
    ['https://host/repository?private_token=secret', 'https://host/repository?***'],
    ['git@host:me/repository.git', 'git@host:me/repository.git'],
  ])('has no credentials of %s', (gitUrl, recorded) => {
    const spec: Partial<ProjectSpec> = { id: 'web', name: 'web', gitUrl, labels: {} };
    expect(projectCreated(spec as ProjectSpec).data).toMatchObject({ gitUrl: recorded });
  });
});
