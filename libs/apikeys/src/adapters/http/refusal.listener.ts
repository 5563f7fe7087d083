import { REFUSED, type Refusal } from '@app/http';
import { Injectable } from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import { Denials } from '../../application/denials.js';

@Injectable()
export class RefusalListener {
  constructor(private readonly denials: Denials) {}

  @OnEvent(REFUSED)
  onRefused(refusal: Refusal): void {
    this.denials.note(refusal);
  }
}
