import { type Caller, RateLimited, wholeSeconds } from '@app/kernel';
import { RATE_WINDOW_MS, RateLimitStore } from './rate-limit-store.js';
import { type ExecutionContext, Injectable } from '@nestjs/common';
import {
  ThrottlerGuard,
  type ThrottlerModuleOptions,
  type ThrottlerRequest,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import type { Request, Response } from 'express';

/** Requests that a key may make in a window. */
export function windowLimit(requestsPerSecond: number): number {
  return Math.ceil((requestsPerSecond * RATE_WINDOW_MS) / 1_000);
}

/** A request with its caller; undefined on public routes. */
interface LimitedRequest extends Request {
  readonly grant?: { readonly caller: Pick<Caller, 'keyId' | 'rateLimitRps'> };
}

/** Adapts the store to @nestjs/throttler. */
export class SlidingWindowStorage implements ThrottlerStorage {
  constructor(private readonly store: RateLimitStore) {}

  async increment(key: string, _ttl: number, limit: number): ReturnType<ThrottlerStorage['increment']> {
    const { isAllowed, remaining, waitMs } = await this.store.hit(key, limit);
    const wait = wholeSeconds(waitMs);
    return { totalHits: limit - remaining, timeToExpire: wait, isBlocked: !isAllowed, timeToBlockExpire: wait };
  }
}

/** One limit per key for all routes: the key's own, or the server default. */
export function throttlerOptions(store: RateLimitStore, requestsPerSecond: number): ThrottlerModuleOptions {
  const limitOf = (context: ExecutionContext): number =>
    windowLimit(callerOf(context)?.rateLimitRps ?? requestsPerSecond);
  return {
    throttlers: [{ name: 'default', ttl: RATE_WINDOW_MS, limit: limitOf, skipIf: (context) => limitOf(context) === 0 }],
    storage: new SlidingWindowStorage(store),
    getTracker: (request) => (request as LimitedRequest).grant?.caller.keyId ?? '',
    generateKey: (_context, keyId) => keyId,
  };
}

/**
 * Limits requests per key. The headers follow draft-ietf-httpapi-ratelimit-headers-10: `t` is the time until one more
 * request is allowed.
 */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  protected override shouldSkip(context: ExecutionContext): Promise<boolean> {
    return Promise.resolve(callerOf(context) === undefined);
  }

  protected override async handleRequest({
    context,
    limit,
    ttl,
    getTracker,
    generateKey,
    throttler,
  }: ThrottlerRequest): Promise<boolean> {
    const request = context.switchToHttp().getRequest<LimitedRequest>();
    const response = context.switchToHttp().getResponse<Response>();
    const key = generateKey(context, await getTracker(request, context), throttler.name ?? '');
    const hit = await this.storageService.increment(key, ttl, limit, 0, throttler.name ?? '');
    response.setHeader('RateLimit-Policy', `"default";q=${String(limit)};w=${String(ttl / 1_000)}`);
    // Rounding up must not exceed the window.
    const freeIn = Math.min(hit.timeToExpire, ttl / 1_000);
    response.setHeader('RateLimit', `"default";r=${String(limit - hit.totalHits)};t=${String(freeIn)}`);
    if (!hit.isBlocked) return true;
    throw new RateLimited('The key has reached its rate limit.', hit.timeToBlockExpire * 1_000);
  }
}

function callerOf(context: ExecutionContext): Pick<Caller, 'keyId' | 'rateLimitRps'> | undefined {
  return context.switchToHttp().getRequest<LimitedRequest>().grant?.caller;
}
