import type { Callback } from '@app/kernel';

/** The callbacks of commands that have not ended. */
export abstract class CallbackRepository {
  abstract insert(callback: Callback): Promise<void>;
  /** Removes those of the commands, in the current transaction, and returns them. */
  abstract take(commandIds: readonly string[]): Promise<readonly Callback[]>;
}
