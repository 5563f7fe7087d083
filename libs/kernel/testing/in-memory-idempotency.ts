import { type Creation, Idempotency, IdempotencyMismatch, type Transactor, currentRequest } from '../src/index.js';
import { InMemoryTransactor } from './in-memory-transactor.js';

interface Claim {
  readonly fingerprint: Buffer;
  readonly made: Promise<string | null>;
}

/** Remembers keys for ever. */
export class InMemoryIdempotency extends Idempotency {
  private readonly claims = new Map<string, Claim>();

  constructor(private readonly transactor: Transactor = new InMemoryTransactor()) {
    super();
  }

  async once(create: () => Promise<string>): Promise<Creation> {
    const request = currentRequest();
    const make = (): Promise<string> => this.transactor.run(create);
    if (!request?.idempotency) return { id: await make(), isReplay: false };
    const { route, key, fingerprint } = request.idempotency;
    const scope = JSON.stringify([request.actor.keyId, route, key]);
    for (let claim = this.claims.get(scope); claim !== undefined; claim = this.claims.get(scope)) {
      const id = await claim.made;
      if (id === null) continue;
      request.isReplay = true;
      if (!claim.fingerprint.equals(fingerprint)) throw new IdempotencyMismatch();
      return { id, isReplay: true };
    }
    const making = make();
    // Before whoever waits looks again, a creation that failed has left the key unused.
    const made = making.catch(() => {
      this.claims.delete(scope);
      return null;
    });
    this.claims.set(scope, { fingerprint, made });
    return { id: await making, isReplay: false };
  }
}
