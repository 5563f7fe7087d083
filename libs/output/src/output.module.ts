import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CommandEventsController } from './adapters/http/command-events.controller.js';
import { OutputController } from './adapters/http/output.controller.js';
import { CommandOutputEntity } from './adapters/postgres/command-output.entity.js';
import { MeasuredOutputLedger, outputMetrics } from './adapters/prometheus/measured-output-ledger.js';
import { OutputLedger } from './application/output-ledger.js';
import { OutputService } from './application/output.service.js';

@Module({})
export class OutputModule {
  /** @param imports the modules that provide commands */
  static with(imports: readonly DynamicModule[]): DynamicModule {
    return {
      module: OutputModule,
      imports: [...imports, TypeOrmModule.forFeature([CommandOutputEntity])],
      controllers: [CommandEventsController, OutputController],
      providers: [OutputService, ...outputMetrics, { provide: OutputLedger, useClass: MeasuredOutputLedger }],
      exports: [OutputLedger],
    };
  }
}
