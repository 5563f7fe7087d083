import { Global, Module } from '@nestjs/common';
import { RefusalRecorder } from '../src/refusal-recorder.js';

/** For tests without an event log: refusals are not recorded. */
@Global()
@Module({
  providers: [{ provide: RefusalRecorder, useValue: { note: () => undefined } satisfies RefusalRecorder }],
  exports: [RefusalRecorder],
})
export class NoRefusalsModule {}
