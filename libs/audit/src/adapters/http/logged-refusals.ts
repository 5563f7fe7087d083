import { type Refusal, RefusalRecorder } from '@app/http';
import { Injectable } from '@nestjs/common';
import { Refusals } from '../../application/refusals.js';

/** Records refusals in the event log. */
@Injectable()
export class LoggedRefusals implements RefusalRecorder {
  constructor(private readonly refusals: Refusals) {}

  note(refusal: Refusal): void {
    this.refusals.note(refusal);
  }
}
