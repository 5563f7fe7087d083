import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ProjectsController } from './adapters/http/projects.controller.js';
import { KubernetesProjectRuntime } from './adapters/kubernetes/kubernetes-project-runtime.js';
import { LocalProjectRuntime } from './adapters/local/local-project-runtime.js';
import { ProjectActivityEntity, ProjectEntity } from './adapters/typeorm/project.entity.js';
import { TypeormProjectRepository } from './adapters/typeorm/typeorm-project.repository.js';
import { ProjectRepository } from './application/project.repository.js';
import { ProjectRuntime } from './application/project-runtime.js';
import { ProjectsService } from './application/projects.service.js';
import { Provisioner } from './application/provisioner.js';
import type { RuntimeKind } from './domain/project.js';

@Module({})
export class ProjectsModule {
  static with(runtime: RuntimeKind, platform: DynamicModule): DynamicModule {
    const adapter = runtime === 'local' ? LocalProjectRuntime : KubernetesProjectRuntime;
    return {
      module: ProjectsModule,
      imports: [platform, TypeOrmModule.forFeature([ProjectEntity, ProjectActivityEntity])],
      controllers: [ProjectsController],
      providers: [
        ProjectsService,
        Provisioner,
        { provide: ProjectRepository, useClass: TypeormProjectRepository },
        { provide: ProjectRuntime, useClass: adapter },
      ],
      exports: [ProjectsService, ProjectRuntime],
    };
  }
}
