import { CommandPolicy, type PolicySubject } from '../../domain/command-policy.js';
import { InvalidPolicy, loadPolicy, parsePolicy } from './policy-file.js';

const KEY = 'key_01jd4x00000000000000000000';
const exec = (...argv: string[]): PolicySubject => ({ projectId: 'web', keyId: KEY, work: { type: 'exec', argv } });
const shell = (script: string): PolicySubject => ({ projectId: 'web', keyId: KEY, work: { type: 'shell', script } });
const git = (...args: string[]): PolicySubject => ({ projectId: 'web', keyId: KEY, work: { type: 'git', args } });
const reject = (text: string, subject: PolicySubject) => parsePolicy('p.yaml', text).rejection(subject, {});

describe('a command policy', () => {
  it('allows everything without rules, but what the guard-rail for git refuses', () => {
    for (const policy of [new CommandPolicy(), loadPolicy(null), parsePolicy('p.yaml', 'rules: []')]) {
      expect(policy.rejection(exec('rm', '-rf', '/'), {})).toBeNull();
      expect(policy.rejection(git('status'), {})).toBeNull();
      expect(policy.rejection(git('fetch', '--upload-pack=x'), {})).toMatchObject({ by: 'git', rule: null });
      expect(policy.rejection(git('fetch'), { GIT_SSH: 'x' })).toMatchObject({ by: 'git', rule: null });
    }
  });

  it('goes by the first rule that applies, and says its reason', () => {
    const text = `
rules:
  - { action: allow, programs: [kubectl], projects: ['infra-*'] }
  - { action: deny, programs: [kubectl], reason: Ask the platform team for kubectl. }
  - { action: allow, programs: ['*'] }
  - { action: deny }
`;
    expect(reject(text, exec('/usr/bin/kubectl', 'get', 'pods'))).toEqual({
      by: 'policy',
      rule: 2,
      reason: 'Ask the platform team for kubectl',
    });
    expect(reject(text, { ...exec('kubectl'), projectId: 'infra-1' })).toBeNull();
    expect(reject(text, exec('ls'))).toBeNull();
    expect(reject(text, shell('ls'))).toMatchObject({ rule: 4, reason: expect.stringContaining('policy') });
  });

  it.each<[string, PolicySubject, boolean]>([
    ['types: [shell]', shell('x'), true],
    ['types: [shell]', exec('x'), false],
    ['types: [git, exec]', git('status'), true],
    ['projects: [web]', exec('x'), true],
    ['projects: ["we"]', exec('x'), false],
    [`keys: [${KEY}]`, exec('x'), true],
    ['keys: [key_other]', exec('x'), false],
    ['argv: ["rm -rf *"]', exec('rm', '-rf', '/'), true],
    ['argv: ["rm -rf *"]', exec('rm', '-r'), false],
    ['argv: ["git push*--force*"]', git('push', 'origin', '--force'), true],
    ['argv: ["*"]', shell('x'), false],
    ['programs: [git]', git('status'), true],
    ['programs: [git]', exec('/usr/bin/git', 'status'), true],
    ['scripts: ["*curl*|*sh*"]', shell('true\ncurl x | sh\n'), true],
    ['scripts: ["*curl*|*sh*"]', shell('curl x'), false],
    ['scripts: ["*"]', exec('x'), false],
    ['types: [exec], programs: [rm], projects: [web]', exec('rm'), true],
    ['types: [exec], programs: [rm], projects: [api]', exec('rm'), false],
  ])('denies by %s (%#)', (conditions, subject, denied) => {
    expect(reject(`rules: [{ action: deny, ${conditions} }]`, subject) !== null).toBe(denied);
  });

  it('has no pattern that takes long', () => {
    const glob = '*a'.repeat(240);
    const from = performance.now();
    expect(reject(`rules: [{ action: deny, scripts: ['${glob}*b'] }]`, shell('a'.repeat(1_000_000)))).toBeNull();
    expect(performance.now() - from).toBeLessThan(1_000);
  });

  it.each([
    ['', 1, 'rules'],
    ['rules: {}', 1, 'list'],
    ['rules: [', 1, ''],
    ['rules: []\nmore: 1', 1, 'nothing else'],
    ['rules:\n  - deny', 2, 'map'],
    ['rules:\n  - action: refuse', 2, 'allow or deny'],
    ['rules:\n  - types: [shell]', 2, 'allow or deny'],
    ['rules:\n  - action: deny\n    type: [shell]', 3, '"type" is not a known field'],
    ['rules:\n  - action: deny\n    types: [python]', 3, 'shell, exec, git'],
    ['rules:\n  - action: deny\n    programs: []', 3, '"programs" must be a list'],
    ['rules:\n  - action: deny\n    programs: rm', 3, '"programs" must be a list'],
    ['rules:\n  - action: deny\n    programs: [1]', 3, '"programs" must be a list'],
    ['rules:\n  - action: deny\n    argv:', 3, '"argv" must be a list'],
    ['rules:\n  - action: deny\n    reason: 1', 3, '"reason"'],
    ['rules:\n  - action: deny\n    action: allow', 3, 'unique'],
    ['rules:\n  - action: !!js/function x', 2, ''],
    ['rules:\n  - &a {action: deny}\n  - *a', 3, 'map'],
    ['rules:\n\t- action: deny', 2, ''],
  ])('that is not valid names the file, the line and what is wrong: %j', (text, line, words) => {
    expect(() => parsePolicy('p.yaml', text)).toThrow(InvalidPolicy);
    expect(() => parsePolicy('p.yaml', text)).toThrow(new RegExp(`RDEV_POLICY_FILE[^]*p\\.yaml:${line}: .*${words}`));
  });

  it('names every problem at once', () => {
    expect(() => parsePolicy('p.yaml', 'rules:\n  - action: x\n  - action: deny\n    keys: []')).toThrow(
      /:2: [^]*:4: /,
    );
  });

  it('stops the start if its file cannot be read', () => {
    expect(() => loadPolicy('/there/is/no/such/file')).toThrow(/\/there\/is\/no\/such\/file: cannot be read: ENOENT/);
    expect(() => loadPolicy('/')).toThrow(/EISDIR/);
  });
});
