import { type DynamicModule, Module } from '@nestjs/common';
import { Workspaces } from './workspaces.js';

/** The runtime for a laptop: directories and processes of this machine, without isolation. */
@Module({})
export class LocalModule {
  static with(workspaces: Workspaces): DynamicModule {
    return {
      module: LocalModule,
      providers: [{ provide: Workspaces, useValue: workspaces }],
      exports: [Workspaces],
    };
  }
}
