import type { Caller } from './caller.js';

/** A URL that is told about the end of one command. */
export interface Callback {
  readonly commandId: string;
  readonly url: string;
  /** The key that created the command: what the URL is told is signed with its secret, and is no more than it may read. */
  readonly keyId: string;
}

/** The callbacks of commands. */
export abstract class Callbacks {
  /** @throws {@link InvalidInput} if the URL leads where messages may not go, {@link InsufficientScope} */
  abstract assertAllowed(url: string, caller: Pick<Caller, 'scopes'>): void;
  /** Adds one in the transaction that creates its command. */
  abstract register(callback: Callback): Promise<void>;
}
