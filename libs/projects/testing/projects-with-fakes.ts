import { InMemoryEventLog, InMemoryIdempotency, InMemoryTransactor } from '@app/kernel/testing';
import { ProjectsService } from '../src/application/projects.service.js';
import { Provisioner } from '../src/application/provisioner.js';
import { FakeProjectRuntime } from './fake-project-runtime.js';
import { InMemoryProjectRepository } from './in-memory-project.repository.js';

/** The service on fakes: for tests of what stands on it. */
export function projectsWithFakes(
  transactor = new InMemoryTransactor(),
  events = new InMemoryEventLog(transactor),
): {
  readonly service: ProjectsService;
  readonly provisioner: Provisioner;
  readonly projects: InMemoryProjectRepository;
  readonly runtime: FakeProjectRuntime;
  readonly events: InMemoryEventLog;
} {
  const projects = new InMemoryProjectRepository(transactor);
  const runtime = new FakeProjectRuntime();
  const provisioner = new Provisioner(projects, runtime, transactor, events);
  const service = new ProjectsService(
    projects,
    runtime,
    provisioner,
    transactor,
    new InMemoryIdempotency(transactor),
    events,
  );
  return { service, provisioner, projects, runtime, events };
}
