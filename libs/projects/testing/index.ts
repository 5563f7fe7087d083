export { KubernetesProjectRuntime } from '../src/adapters/kubernetes/kubernetes-project-runtime.js';
export { volumeClaimOf } from '../src/adapters/kubernetes/project-objects.js';
export { aProject, aProjectId, aProjectSpec } from './a-project.js';
export { type ProjectRepositoryHarness, describeProjectRepository } from './describe-project-repository.js';
export { type ProjectRuntimeHarness, describeProjectRuntime } from './describe-project-runtime.js';
export { FakeProjectRuntime } from './fake-project-runtime.js';
export { InMemoryProjectRepository } from './in-memory-project.repository.js';
export { projectsWithFakes } from './projects-with-fakes.js';
