import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ProjectEventsController } from './adapters/http/project-events.controller.js';
import { ProjectsController } from './adapters/http/projects.controller.js';
import { KubernetesProjectRuntime } from './adapters/kubernetes/kubernetes-project-runtime.js';
import { ProjectDefaults } from './adapters/kubernetes/project-defaults.js';
import { LocalProjectRuntime } from './adapters/local/local-project-runtime.js';
import { ProjectActivityEntity, ProjectEntity } from './adapters/postgres/project.entity.js';
import { PostgresProjectRepository } from './adapters/postgres/postgres-project.repository.js';
import { ProjectEventsService } from './application/project-events.service.js';
import { ProjectHooks } from './application/project-hooks.js';
import { ProjectRepository } from './application/project.repository.js';
import { ProjectRuntime } from './application/project-runtime.js';
import { ProjectsService } from './application/projects.service.js';
import { Reconciler } from './application/reconciler.js';
import type { RuntimeKind } from './domain/project.js';

@Module({})
export class ProjectsModule {
  static with(runtime: RuntimeKind, platform: DynamicModule, defaults: ProjectDefaults): DynamicModule {
    const adapter = runtime === 'local' ? LocalProjectRuntime : KubernetesProjectRuntime;
    return {
      module: ProjectsModule,
      imports: [platform, TypeOrmModule.forFeature([ProjectEntity, ProjectActivityEntity])],
      controllers: [ProjectsController, ProjectEventsController],
      providers: [
        ProjectsService,
        ProjectEventsService,
        ProjectHooks,
        Reconciler,
        { provide: ProjectDefaults, useValue: defaults },
        { provide: ProjectRepository, useClass: PostgresProjectRepository },
        { provide: ProjectRuntime, useClass: adapter },
      ],
      exports: [ProjectsService, ProjectRepository, ProjectRuntime],
    };
  }
}
