import { type Creation, Idempotency, IdempotencyMismatch, type Transactor, currentRequest } from '@app/kernel';

/** Remembers what was created under a key for as long as it lives. */
export class InMemoryIdempotency extends Idempotency {
  private readonly made = new Map<string, { readonly fingerprint: string; readonly id: string }>();

  constructor(private readonly transactor: Transactor) {
    super();
  }

  async once(create: () => Promise<string>): Promise<Creation> {
    const request = currentRequest();
    if (!request?.idempotency) return { id: await this.transactor.run(create), isReplay: false };
    const { route, key } = request.idempotency;
    const scope = JSON.stringify([request.actor.keyId, route, key]);
    const fingerprint = request.idempotency.fingerprint.toString('hex');
    const earlier = this.made.get(scope);
    if (earlier === undefined) {
      const id = await this.transactor.run(create);
      this.made.set(scope, { fingerprint, id });
      return { id, isReplay: false };
    }
    if (earlier.fingerprint !== fingerprint) throw new IdempotencyMismatch();
    request.isReplay = true;
    return { id: earlier.id, isReplay: true };
  }
}
