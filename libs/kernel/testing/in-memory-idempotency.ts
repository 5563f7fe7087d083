import {
  type Creation,
  type Idempotency,
  IdempotencyMismatch,
  IdempotencyUnsettled,
  type Transactor,
  currentRequest,
} from '../src/index.js';
import { InMemoryTransactor } from './in-memory-transactor.js';

interface Claim {
  readonly fingerprint: Buffer;
  readonly result: Promise<Creation | null>;
  isSettled: boolean;
}

/** Keeps keys for ever. */
export class InMemoryIdempotency implements Idempotency {
  private readonly claims = new Map<string, Claim>();

  constructor(private readonly transactor: Transactor = new InMemoryTransactor()) {}

  once(create: () => Promise<string>): Promise<Creation> {
    return this.claim(() => this.transactor.run(create), true);
  }

  act(work: () => Promise<string>): Promise<Creation> {
    return this.claim(work, false);
  }

  private async claim(make: () => Promise<string>, isAwaited: boolean): Promise<Creation> {
    const request = currentRequest();
    if (!request?.idempotency) return { id: await make(), replayOf: null };
    const { route, key, fingerprint } = request.idempotency;
    const scope = JSON.stringify([request.actor.keyId, route, key]);
    for (let claim = this.claims.get(scope); claim !== undefined; claim = this.claims.get(scope)) {
      if (!isAwaited && !claim.isSettled && claim.fingerprint.equals(fingerprint)) throw new IdempotencyUnsettled(true);
      const earlier = isAwaited || claim.isSettled ? await claim.result : { id: '', replayOf: null };
      if (earlier === null) continue;
      request.isReplay = true;
      if (!claim.fingerprint.equals(fingerprint)) throw new IdempotencyMismatch();
      return earlier;
    }
    const making = make();
    const claim: Claim = {
      fingerprint,
      isSettled: false,
      result: making.then(
        (id) => this.settle(scope, id),
        () => this.forget(scope),
      ),
    };
    this.claims.set(scope, claim);
    return { id: await making, replayOf: null };
  }

  private settle(scope: string, id: string): Creation {
    const claim = this.claims.get(scope);
    if (claim !== undefined) claim.isSettled = true;
    return { id, replayOf: new Date() };
  }

  /** A failed creation leaves the key unused, before waiting callers check it again. */
  private forget(scope: string): null {
    this.claims.delete(scope);
    return null;
  }
}
