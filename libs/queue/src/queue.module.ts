import { type DynamicModule, Module } from '@nestjs/common';
import { TypeormAdmission } from './adapters/typeorm/typeorm-admission.js';
import { Admission } from './application/admission.js';
import { Dispatcher } from './application/dispatcher.js';
import { QueueLimits } from './application/queue-limits.js';

@Module({})
export class QueueModule {
  static with(limits: QueueLimits, commands: DynamicModule): DynamicModule {
    return {
      module: QueueModule,
      imports: [commands],
      providers: [
        Dispatcher,
        { provide: Admission, useClass: TypeormAdmission },
        { provide: QueueLimits, useValue: limits },
      ],
    };
  }
}
