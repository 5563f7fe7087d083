import type { Clock, Notifier } from '@app/kernel';
import { FakeClock, InMemoryNotifier } from '@app/kernel/testing';
import type { ApiKeyRepository } from '../src/application/api-key.repository.js';
import { Authenticator } from '../src/application/authenticator.js';
import { KeyCache } from '../src/application/key-cache.js';

/** Caches keys as long as the notifier receives. */
export function anAuthenticator(
  keys: ApiKeyRepository,
  clock: Clock = new FakeClock(),
  notifier: Notifier = new InMemoryNotifier(),
): Authenticator {
  return new Authenticator(new KeyCache(keys, notifier), keys, clock);
}
