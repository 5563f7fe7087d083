import { aGrant, aKey } from '@app/apikeys/testing';
import { SCOPES } from '@app/kernel';
import { aCaller } from '@app/kernel/testing';
import type { ApiKey, Grant } from './api-key.js';
import { assertNotMightier, keyCreated, keyRevoked } from './api-key.js';
import { KeyTooMighty } from './api-key.errors.js';

const NOW = new Date('2026-01-01T00:00:00Z');
const LATER = new Date('2027-01-01T00:00:00Z');

function check(own: Partial<ApiKey>, asked: Partial<Grant>): () => void {
  const key = aKey(own);
  return () => {
    assertNotMightier(aGrant(asked), aCaller({ keyId: key.id, scopes: key.scopes, projects: key.projects }), key);
  };
}

describe('assertNotMightier', () => {
  it.each<[string, Partial<ApiKey>, Partial<Grant>]>([
    ['an admin gives everything', { scopes: ['admin'] }, { scopes: SCOPES }],
    ['its own scopes', { scopes: ['keys:write', 'commands:read'] }, { scopes: ['commands:read'] }],
    ['no scope', { scopes: ['keys:write'] }, { scopes: [] }],
    ['its own projects', { projects: ['a-*', 'web'] }, { projects: ['web'] }],
    ['no project', { projects: ['web'] }, { projects: [] }],
    ['some projects, from all', {}, { projects: ['web'] }],
    ['its own addresses', { allowedIps: ['10.0.0.0/8'] }, { allowedIps: ['10.0.0.0/8'] }],
    ['its own expiry', { expiresAt: NOW }, { expiresAt: NOW }],
    ['an earlier expiry', { expiresAt: LATER }, { expiresAt: NOW }],
    ['any expiry, from never', {}, { expiresAt: LATER }],
  ])('allows %s', (_case, own, asked) => {
    expect(check(own, asked)).not.toThrow();
  });

  it.each<[string, Partial<ApiKey>, Partial<Grant>]>([
    ['a scope that it lacks', { scopes: ['keys:write'] }, { scopes: ['keys:write', 'commands:read'] }],
    ['admin', { scopes: ['keys:write'] }, { scopes: ['admin'] }],
    ['all projects, from some', { projects: ['web'] }, { projects: null }],
    ['all projects by a glob', { projects: ['web'] }, { projects: ['*'] }],
    ['a wider glob', { projects: ['team-a-*'] }, { projects: ['team-*'] }],
    ['one project more', { projects: ['web'] }, { projects: ['web', 'api'] }],
    ['any project, from none', { projects: [] }, { projects: ['web'] }],
    ['all addresses, from some', { allowedIps: ['10.0.0.1'] }, { allowedIps: null }],
    ['a wider network', { allowedIps: ['10.0.0.0/16'] }, { allowedIps: ['10.0.0.0/8'] }],
    ['a later expiry', { expiresAt: NOW }, { expiresAt: LATER }],
    ['no expiry, from some', { expiresAt: NOW }, { expiresAt: null }],
  ])('refuses %s', (_case, own, asked) => {
    expect(check(own, asked)).toThrow(KeyTooMighty);
  });
});

describe('the events of a key', () => {
  it('hold neither the key nor its hash', () => {
    const key = aKey({ revokedAt: NOW });
    for (const event of [keyCreated(key), keyRevoked(key)]) {
      expect(event.target).toBe(key.id);
      expect(JSON.stringify(event)).not.toMatch(/hash|secret/i);
      expect(JSON.stringify(event)).not.toContain(key.hash.toString('hex'));
    }
  });
});
