import { type Caller, Clock } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { isInNetworks } from '../domain/addresses.js';
import { IpNotAllowed, KeyExpired, KeyRevoked, Unauthenticated } from '../domain/api-key.errors.js';
import { matchesHash, parseSecret } from '../domain/key-format.js';
import { ApiKeyRepository } from './api-key.repository.js';

/** Finds out who calls. Whatever is unclear means no. */
@Injectable()
export class Authenticator {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly clock: Clock,
  ) {}

  /** @throws {@link Unauthenticated}, {@link KeyRevoked}, {@link KeyExpired} or {@link IpNotAllowed} */
  async authenticate(text: string | null, address: string | null): Promise<Caller> {
    const secret = text === null ? null : parseSecret(text);
    if (secret === null) throw new Unauthenticated();
    const key = await this.keys.findByPrefix(secret.prefix);
    if (key === null || !matchesHash(secret, key.hash)) throw new Unauthenticated('The key is not valid.');
    if (key.revokedAt !== null) throw new KeyRevoked();
    if (key.expiresAt !== null && key.expiresAt <= this.clock.now()) throw new KeyExpired();
    if (key.allowedIps !== null && (address === null || !isInNetworks(address, key.allowedIps)))
      throw new IpNotAllowed();
    // A use that is not noted is no reason to refuse the request.
    this.keys.touch(key.id).catch(() => undefined);
    return { keyId: key.id, scopes: key.scopes, projects: key.projects, rateLimitRps: key.rateLimitRps };
  }
}
