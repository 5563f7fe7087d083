import { StreamRoutes } from '@app/kernel';
import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { ProblemFilter } from './problem.filter.js';
import { Shutdown } from './shutdown.js';
import { InputPipe } from './validation.pipe.js';

/** What all routes share: problem+json, validation, the signal that streams end by, and which streams there are. */
@Global()
@Module({
  providers: [
    Shutdown,
    StreamRoutes,
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_PIPE, useClass: InputPipe },
  ],
  exports: [Shutdown, StreamRoutes],
})
export class HttpModule {}
