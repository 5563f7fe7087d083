import { aKey } from '@app/apikeys/testing';
import {
  WARNING_MS,
  endAfter,
  keyCreated,
  keyExpiring,
  keyRevoked,
  keyRotated,
  keyUpdated,
  patchKey,
  warnAt,
} from './api-key.js';

const NOW = new Date('2026-01-01T00:00:00Z');
const inMs = (ms: number): Date => new Date(NOW.getTime() + ms);

describe('the events of a key', () => {
  it('contain neither the key nor its hash', () => {
    const key = aKey({ revokedAt: NOW });
    for (const event of [
      keyCreated(key),
      keyRevoked(key),
      keyUpdated(key, { name: 'x' }),
      keyRotated(key, aKey()),
      keyExpiring(key),
    ]) {
      expect(event.target).toBe(key.id);
      expect(JSON.stringify(event)).not.toMatch(/hash|secret/i);
      expect(JSON.stringify(event)).not.toContain(key.hash.toString('hex'));
    }
  });
});

describe('patchKey', () => {
  it('changes only the given fields; null removes a limit', () => {
    const key = aKey({ projects: ['web'], rateLimitRps: 5 });
    expect(patchKey(key, { projects: null, name: 'x', allowedIps: undefined }, NOW)).toEqual({
      key: { ...key, projects: null, name: 'x' },
      changes: { projects: null, name: 'x' },
    });
  });

  it('returns null if nothing changes', () => {
    const key = aKey({ scopes: ['admin'], expiresAt: NOW });
    expect(patchKey(key, {}, NOW)).toBeNull();
    expect(patchKey(key, { scopes: ['admin'], expiresAt: new Date(NOW), rateLimitRps: null }, NOW)).toBeNull();
  });

  it('recalculates the warning if the expiry changes', () => {
    const key = aKey({ expiresAt: inMs(3 * WARNING_MS), warnAt: null });
    expect(patchKey(key, { name: 'x' }, NOW)!.key.warnAt).toBeNull();
    expect(patchKey(key, { expiresAt: inMs(2 * WARNING_MS) }, NOW)!.key.warnAt).toEqual(inMs(WARNING_MS));
    expect(patchKey(key, { expiresAt: null }, NOW)!.key.warnAt).toBeNull();
  });
});

describe('warnAt', () => {
  it('is a week before the expiry, unless that is in the past', () => {
    expect(warnAt(inMs(WARNING_MS + 1), NOW)).toEqual(inMs(1));
    expect(warnAt(inMs(WARNING_MS), NOW)).toBeNull();
    expect(warnAt(null, NOW)).toBeNull();
  });
});

describe('endAfter', () => {
  it('ends a key after the overlap, or at its earlier expiry', () => {
    expect(endAfter(aKey({ warnAt: NOW }), 5, NOW)).toMatchObject({ expiresAt: inMs(5), warnAt: null });
    expect(endAfter(aKey(), 0, NOW).expiresAt).toEqual(NOW);
    expect(endAfter(aKey({ expiresAt: inMs(9) }), 5, NOW).expiresAt).toEqual(inMs(5));
    expect(endAfter(aKey({ expiresAt: inMs(3) }), 5, NOW).expiresAt).toEqual(inMs(3));
  });
});
