export { canWake } from './domain/project.js';
export { ProjectsModule } from './projects.module.js';
export { ProjectsService } from './application/projects.service.js';
export { isOfAnUnknownInstall, isPodOf } from './adapters/kubernetes/project-objects.js';
export { ProjectDefaults } from './adapters/kubernetes/project-defaults.js';
export type { Leave, ProjectDependent } from './application/project-hooks.js';
export { ProjectRuntime } from './application/project-runtime.js';
export type { Project, ProjectStatus, RuntimeKind } from './domain/project.js';
export { ProjectNotRunning } from './domain/project.errors.js';
