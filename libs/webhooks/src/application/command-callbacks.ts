import { type Callback, type Caller, Callbacks, InsufficientScope, InvalidInput } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { canRead } from '../domain/message.js';
import { CallbackRepository } from './callback.repository.js';
import { MessageSender } from './message-sender.js';

@Injectable()
export class CommandCallbacks implements Callbacks {
  constructor(
    private readonly callbacks: CallbackRepository,
    private readonly sender: MessageSender,
  ) {}

  assertAllowed(url: string, caller: Pick<Caller, 'scopes'>): void {
    const why = this.sender.whyNoTarget(url);
    if (why !== null) throw new InvalidInput([{ pointer: '#/callbackUrl', detail: why }]);
    if (!canRead(caller, 'command.*')) throw new InsufficientScope('commands:read');
  }

  register(callback: Callback): Promise<void> {
    return this.callbacks.insert(callback);
  }
}
