import type { Caller } from '@app/kernel';

/** The current rights and callback secrets of a key. */
export interface KeyState {
  /** Those of the key, or of the successor that replaced it. Null: none of them is valid. */
  readonly rights: Pick<Caller, 'scopes' | 'projects'> | null;
  /** The callback secrets of the key and of its newest successor. */
  readonly callbackSecrets: readonly string[];
}

/** Looks keys up. */
export abstract class KeyStates {
  /** Keys that do not exist are left out. */
  abstract of(keyIds: readonly string[]): Promise<ReadonlyMap<string, KeyState>>;
}
