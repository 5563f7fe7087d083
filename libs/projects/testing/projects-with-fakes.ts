import { FakeClock, InMemoryEventLog, InMemoryIdempotency, InMemoryTransactor } from '@app/kernel/testing';
import { ProjectHooks } from '../src/application/project-hooks.js';
import { ProjectsService } from '../src/application/projects.service.js';
import { Reconciler } from '../src/application/reconciler.js';
import { FakeProjectRuntime } from './fake-project-runtime.js';
import { InMemoryProjectRepository } from './in-memory-project.repository.js';

/** The service on fakes, for tests of its dependents. */
export function projectsWithFakes(
  transactor = new InMemoryTransactor(),
  events = new InMemoryEventLog(transactor),
): {
  readonly service: ProjectsService;
  readonly reconciler: Reconciler;
  readonly hooks: ProjectHooks;
  readonly projects: InMemoryProjectRepository;
  readonly runtime: FakeProjectRuntime;
  readonly events: InMemoryEventLog;
} {
  const projects = new InMemoryProjectRepository(transactor);
  const runtime = new FakeProjectRuntime();
  const hooks = new ProjectHooks();
  const reconciler = new Reconciler(projects, runtime, hooks, transactor, events, new FakeClock());
  const idempotency = new InMemoryIdempotency(transactor);
  const service = new ProjectsService(projects, runtime, reconciler, hooks, transactor, idempotency, events);
  return { service, reconciler, hooks, projects, runtime, events };
}
