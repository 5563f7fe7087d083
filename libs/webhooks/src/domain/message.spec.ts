import type { LoggedEvent } from '@app/kernel';
import { MESSAGE_TYPES, bodyOf, canRead, mayRead, messageOf } from './message.js';
import { isSubscribed, isTypeGlob, secretsOf, type Webhook } from './webhook.js';

const AT = new Date('2026-01-31T08:00:00.000Z');
const urlOf = (path: string): string => `https://rdev.example${path}`;
const event = (type: string, over: Partial<LoggedEvent> = {}): LoggedEvent => ({
  id: 'evt_1',
  seq: 1,
  at: AT,
  actor: { keyId: 'key_1', ip: '192.0.2.1', userAgent: 'curl', requestId: 'req_1' },
  type,
  projectId: 'web',
  target: 'cmd_1',
  outcome: 'succeeded',
  data: {},
  ...over,
});
const ended = event('command.ended', { data: { status: 'failed', result: { exitCode: 3 } } });

describe('messageOf', () => {
  it('names a command by its state, with its place in the course', () => {
    const all = [event('command.created', { data: { type: 'shell' } }), event('command.started'), ended];
    expect(all.map((one) => messageOf(one, urlOf)).map((message) => [message?.type, message?.data.sequence])).toEqual([
      ['command.queued', 1],
      ['command.started', 2],
      ['command.failed', 3],
    ]);
  });

  it('says what happened, and nothing of who did it', () => {
    expect(JSON.parse(bodyOf(messageOf(ended, urlOf)!))).toEqual({
      type: 'command.failed',
      timestamp: '2026-01-31T08:00:00.000Z',
      data: {
        commandId: 'cmd_1',
        projectId: 'web',
        url: 'https://rdev.example/v1/commands/cmd_1',
        sequence: 3,
        status: 'failed',
        result: { exitCode: 3 },
      },
    });
  });

  it.each(['auth.denied', 'command.stdin', 'command.rejected', 'project.updated', 'webhook.created', 'queue.paused'])(
    'tells nobody of %s',
    (type) => {
      expect(messageOf(event(type), urlOf)).toBeNull();
    },
  );
});

describe('mayRead', () => {
  const message = (type: string, projectId: string | null) =>
    messageOf(event(type, { projectId: projectId ?? undefined, target: 'x' }), urlOf)!;

  it.each([
    ['project.failed', 'web', ['projects:read'], null, true],
    ['project.failed', 'web', ['commands:read'], null, false],
    ['project.failed', 'web', ['admin'], null, true],
    ['project.failed', 'web', ['projects:read'], ['other'], false],
    ['project.failed', 'web', ['projects:read'], ['w*'], true],
    ['key.revoked', null, ['keys:read'], null, true],
    ['key.revoked', null, ['keys:read'], ['*'], false],
    ['key.revoked', null, ['webhooks:read'], null, false],
    ['webhook.disabled', null, ['webhooks:write'], null, true],
  ] as const)('%s of %s with %j in %j: %s', (type, projectId, scopes, projects, expected) => {
    expect(mayRead({ scopes, projects }, message(type, projectId))).toBe(expected);
  });

  it('knows a reader for every type', () => {
    for (const type of MESSAGE_TYPES) expect(canRead({ scopes: ['admin'] }, type)).toBe(true);
    expect(canRead({ scopes: ['keys:read'] }, 'command.*')).toBe(false);
    expect(canRead({ scopes: ['keys:read'] }, '*')).toBe(true);
  });
});

describe('a subscription', () => {
  const webhook = { events: ['command.*'], projects: null } as unknown as Webhook;
  const rights = { scopes: ['commands:read'], projects: null } as const;
  const failed = messageOf(ended, urlOf)!;

  it('asks for types and projects', () => {
    expect(isSubscribed({ webhook, rights }, failed)).toBe(true);
    expect(isSubscribed({ webhook: { ...webhook, events: ['command.succeeded'] }, rights }, failed)).toBe(false);
    expect(isSubscribed({ webhook: { ...webhook, projects: ['w*'] }, rights }, failed)).toBe(true);
    expect(isSubscribed({ webhook: { ...webhook, projects: ['other'] }, rights }, failed)).toBe(false);
  });

  it.each(['*', 'command.*', '*.failed', 'key.revoked'])('knows the pattern %s', (glob) => {
    expect(isTypeGlob(glob)).toBe(true);
  });

  it.each(['', 'command', 'command.created', 'audits.*', 'Command.*'])('does not know the pattern "%s"', (glob) => {
    expect(isTypeGlob(glob)).toBe(false);
  });

  it('signs with the former secret until its time is over', () => {
    const rotated = { secret: 'new', formerSecret: 'old', formerSecretUntil: AT } as unknown as Webhook;
    expect(secretsOf(rotated, new Date(AT.getTime() - 1))).toEqual(['new', 'old']);
    expect(secretsOf(rotated, AT)).toEqual(['new']);
  });
});
