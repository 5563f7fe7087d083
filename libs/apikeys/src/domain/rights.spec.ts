import { aGrant, aKey } from '@app/apikeys/testing';
import { SCOPES } from '@app/kernel';
import type { Grant } from './api-key.js';
import { accessBeyond, rightsBeyond } from './rights.js';

const NOW = new Date('2026-01-01T00:00:00Z');
const LATER = new Date('2027-01-01T00:00:00Z');
const DEFAULT_RPS = 10;

type Case = [string, Partial<Grant>, Partial<Grant>];

/** Defaults of both sides: the caller may do everything, and no scope is requested. */
const beyond = (own: Partial<Grant>, asked: Partial<Grant>, defaultRps = DEFAULT_RPS): string[] =>
  rightsBeyond(aKey(own), aGrant(asked), defaultRps);

const WEAK = { scopes: ['keys:write'] } as const;

describe('rightsBeyond', () => {
  it.each<Case>([
    ['an admin gives everything', { scopes: ['admin'] }, { scopes: SCOPES }],
    ['its own scopes', { scopes: ['keys:write', 'commands:read'] }, { scopes: ['commands:read'] }],
    ['no scope', WEAK, { scopes: [] }],
    ['its own projects', { projects: ['a-*', 'web'] }, { projects: ['web'] }],
    ['a narrower glob', { projects: ['team-a-*'] }, { projects: ['team-a-b-*', 'team-a-1', 'team-a-*-*', 'team-a-*'] }],
    ['a glob with stars inside', { projects: ['a*b*c'] }, { projects: ['a*b*c', 'axb*c', 'a*b*b*c'] }],
    ['no project', { projects: ['web'] }, { projects: [] }],
    ['some projects, from all', {}, { projects: ['web'] }],
    ['its own addresses', { allowedIps: ['10.0.0.0/8'] }, { allowedIps: ['10.0.0.0/8'] }],
    ['a narrower network', { allowedIps: ['10.0.0.0/8'] }, { allowedIps: ['10.1.0.0/16', '10.0.0.1', '10.0.0.1/32'] }],
    ['an IPv6 network', { allowedIps: ['2001:db8::/32'] }, { allowedIps: ['2001:db8:1::/48', '2001:db8::1'] }],
    ['IPv4 in IPv6', { allowedIps: ['10.0.0.0/8'] }, { allowedIps: ['::ffff:10.1.0.0/112', '::ffff:10.0.0.1'] }],
    ['IPv4 from IPv6', { allowedIps: ['::ffff:10.0.0.0/104'] }, { allowedIps: ['10.0.0.0/8', '10.1.0.0/16'] }],
    ['no address', { allowedIps: ['10.0.0.1'] }, { allowedIps: [] }],
    ['its own expiry', { expiresAt: NOW }, { expiresAt: NOW }],
    ['an earlier expiry', { expiresAt: LATER }, { expiresAt: NOW }],
    ['any expiry, from never', {}, { expiresAt: LATER }],
    ["the server's rate, from a key that has it", WEAK, { rateLimitRps: null }],
    ["up to the server's rate, from a key that has it", WEAK, { rateLimitRps: 10 }],
    ['any rate, from an admin', {}, { rateLimitRps: 0 }],
    ['any rate, from a key without a limit', { ...WEAK, rateLimitRps: 0 }, { rateLimitRps: 0 }],
    ["the server's rate, from a key without a limit", { ...WEAK, rateLimitRps: 0 }, { rateLimitRps: null }],
    ['its own rate', { ...WEAK, rateLimitRps: 20 }, { rateLimitRps: 20 }],
    ['its own number of commands', { maxConcurrentCommands: 2 }, { maxConcurrentCommands: 2 }],
    ['any number of commands, from one without a limit', WEAK, { maxConcurrentCommands: 10_000 }],
  ])('allows %s', (_case, own, asked) => {
    expect(beyond(own, asked)).toEqual([]);
  });

  it.each<Case>([
    ['a scope that it lacks', WEAK, { scopes: ['keys:write', 'commands:read'] }],
    ['admin', WEAK, { scopes: ['admin'] }],
    ['all projects, from some', { projects: ['web'] }, { projects: null }],
    ['all projects by a glob', { projects: ['web'] }, { projects: ['*'] }],
    ['a wider glob', { projects: ['team-a-*'] }, { projects: ['team-*'] }],
    ['a glob that only overlaps', { projects: ['a*'] }, { projects: ['*b'] }],
    ['a glob that is open where the own one is not', { projects: ['a-*-z'] }, { projects: ['a-*'] }],
    ['one project more', { projects: ['web'] }, { projects: ['web', 'api'] }],
    ['any project, from none', { projects: [] }, { projects: ['web'] }],
    ['all addresses, from some', { allowedIps: ['10.0.0.1'] }, { allowedIps: null }],
    ['a wider network', { allowedIps: ['10.0.0.0/16'] }, { allowedIps: ['10.0.0.0/8'] }],
    ['a network from an address', { allowedIps: ['10.0.0.0'] }, { allowedIps: ['10.0.0.0/31'] }],
    ['another network', { allowedIps: ['10.0.0.0/8'] }, { allowedIps: ['11.0.0.0/16'] }],
    ['IPv6 from IPv4', { allowedIps: ['0.0.0.0/0'] }, { allowedIps: ['2001:db8::1'] }],
    ['all of IPv6 from all of IPv4', { allowedIps: ['0.0.0.0/0'] }, { allowedIps: ['::/0'] }],
    ['more than IPv4 in IPv6', { allowedIps: ['10.0.0.0/8'] }, { allowedIps: ['::ffff:10.0.0.0/103'] }],
    ['a later expiry', { expiresAt: NOW }, { expiresAt: LATER }],
    ['no expiry, from some', { expiresAt: NOW }, { expiresAt: null }],
    ['a higher rate', { rateLimitRps: 20 }, { rateLimitRps: 21 }],
    ['no limit, from some', { rateLimitRps: 20 }, { rateLimitRps: 0 }],
    ["the server's rate, which may change, from its own", { rateLimitRps: 20 }, { rateLimitRps: null }],
    ["more than the server's rate, from a key that has it", WEAK, { rateLimitRps: 11 }],
    ['no limit, from a key with the server default', WEAK, { rateLimitRps: 0 }],
    ['more concurrent commands', { maxConcurrentCommands: 2 }, { maxConcurrentCommands: 3 }],
    ['any number of commands, from some', { maxConcurrentCommands: 2 }, { maxConcurrentCommands: null }],
  ])('refuses %s', (_case, own, asked) => {
    expect(beyond(own, asked)).toHaveLength(1);
  });

  it('supports a server without a limit', () => {
    expect(beyond(WEAK, { rateLimitRps: 0 }, 0)).toEqual([]);
    expect(beyond({ ...WEAK, rateLimitRps: 5 }, { rateLimitRps: 0 }, 0)).toHaveLength(1);
  });

  it('lists everything that exceeds the rights', () => {
    const own = { ...WEAK, projects: ['web'], allowedIps: ['10.0.0.1'], expiresAt: NOW, rateLimitRps: 1 };
    expect(beyond({ ...own, maxConcurrentCommands: 1 }, { scopes: ['admin'] })).toHaveLength(6);
  });
});

describe('accessBeyond', () => {
  it('ignores expiry and limits', () => {
    expect(accessBeyond(aKey({ expiresAt: NOW, rateLimitRps: 1 }), aKey())).toEqual([]);
    expect(accessBeyond(aKey({ projects: ['web'] }), aKey())).toEqual(['projects']);
  });
});
