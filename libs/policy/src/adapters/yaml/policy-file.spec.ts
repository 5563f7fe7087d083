import type { Work, RulesSubject } from '@app/commands';
import { CommandPolicy } from '../../domain/command-policy.js';
import { loadPolicy } from './load-policy.js';
import { InvalidPolicy, parsePolicy } from './policy-file.js';

const KEY = 'key_01jd4x00000000000000000000';
const subject = (work: Work, env: Record<string, string> = {}): RulesSubject => ({
  projectId: 'web',
  keyId: KEY,
  spec: { work, env, cwd: null, container: null },
  directory: '/workspace',
});
const exec = (...argv: string[]) => subject({ type: 'exec', argv });
const shell = (script: string) => subject({ type: 'shell', script });
const git = (...args: string[]) => subject({ type: 'git', args });
const inContainer = (container: string, command: RulesSubject): RulesSubject => ({
  ...command,
  spec: { ...command.spec, container },
});
const withEnv = (env: Record<string, string>, { spec }: RulesSubject) => subject(spec.work, env);
const reject = (text: string, command: RulesSubject) => parsePolicy('p.yaml', text).rejection(command);

describe('a command policy', () => {
  it('allows everything without rules, except what the git guard-rail refuses', async () => {
    for (const policy of [new CommandPolicy(), await loadPolicy(null), parsePolicy('p.yaml', 'rules: []')]) {
      expect(policy.rejection(exec('rm', '-rf', '/'))).toBeNull();
      expect(policy.rejection(git('status'))).toBeNull();
      expect(policy.rejection(git('fetch', '--upload-pack=x'))).toMatchObject({ by: 'git', rule: null });
      expect(policy.rejection(withEnv({ GIT_SSH: 'x' }, git('fetch')))).toMatchObject({ by: 'git', rule: null });
    }
  });

  it('applies the first matching rule, and reports its reason', () => {
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

  it.each<[string, RulesSubject, boolean]>([
    ['types: [shell]', shell('x'), true],
    ['types: [shell]', exec('x'), false],
    ['types: [git, exec]', git('status'), true],
    ['projects: [web]', exec('x'), true],
    ['projects: ["we"]', exec('x'), false],
    [`keys: [${KEY}]`, exec('x'), true],
    ['keys: [key_other]', exec('x'), false],
    ['containers: [proxy]', inContainer('proxy', shell('x')), true],
    ['containers: ["*"]', inContainer('db', exec('x')), true],
    ['containers: [proxy]', inContainer('db', exec('x')), false],
    ['containers: ["*"]', exec('x'), false],
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

  it.each<[string, RulesSubject]>([
    ['git push *', git('push')],
    ['git push *', git('push', 'origin', 'main')],
    ['git push *', git('--no-pager', 'push')],
    ['git push *', git('-C', '.', 'push', 'origin')],
    ['git push *', git('-c', 'user.name=x', '-P', 'push')],
    ['git push *', exec('git', 'push')],
    ['git push *', exec('/usr/bin/git', '-C', '.', 'push')],
    ['git push *', exec('/usr/lib/git-core/git-push', 'origin')],
    ['git push*--force*', git('push', '-f')],
    ['git push*--force*', git('push', '-qfu', 'origin', 'main')],
    ['git push origin main', git('push', '--quiet', 'origin', '-u', 'main')],
    ['git push --repo=origin *', git('push', '--repo', 'origin')],
    ['git add *', git('stage', 'file')],
    ['git stash drop *', git('stash', 'drop')],
    ['git submodule update *', git('submodule', '-q', 'update')],
    ['rm -rf *', exec('rm', '-rf')],
  ])('denies "%s" by its effect, however it is written (%#)', (glob, command) => {
    expect(reject(`rules: [{ action: deny, argv: ["${glob}"] }]`, command)).toMatchObject({ by: 'policy', rule: 1 });
    expect(reject(`rules: [{ action: deny, argv: ["${glob}x"] }]`, command)?.by).not.toBe('policy');
  });

  const only = (conditions: string) => `rules: [{ action: allow, ${conditions} }, { action: deny }]`;

  it.each<[string, RulesSubject, boolean]>([
    ['programs: [kubectl]', exec('kubectl', 'get', 'pods'), true],
    ['containers: [db]', inContainer('db', shell('x')), true],
    ['containers: [db]', inContainer('main', shell('x')), false],
    ['containers: [db]', shell('x'), false],
    ['programs: [kubectl]', exec('./kubectl'), false],
    ['programs: [kubectl]', exec('/workspace/kubectl'), false],
    ['programs: [/usr/bin/kubectl]', exec('/usr/bin/kubectl'), true],
    ['programs: [/usr/bin/kubectl]', exec('kubectl'), false],
    ['programs: [kubectl]', withEnv({ PATH: '/workspace' }, exec('kubectl')), false],
    ['programs: [kubectl]', withEnv({ LD_PRELOAD: '/workspace/x' }, exec('kubectl')), false],
    ['programs: [kubectl]', withEnv({ KUBECONFIG: '/workspace/x' }, exec('kubectl')), false],
    ['programs: [kubectl]', withEnv({ LANG: 'C', TZ: 'UTC' }, exec('kubectl')), true],
    ['programs: [kubectl], env: ["APP_*"]', withEnv({ APP_MODE: 'x' }, exec('kubectl')), true],
    ['programs: [kubectl], env: ["APP_*"]', withEnv({ PATH: 'x' }, exec('kubectl')), false],
    ['programs: ["*"]', withEnv({ PATH: '/workspace' }, exec('kubectl')), true],
    ['types: [exec]', withEnv({ PATH: '/workspace' }, exec('kubectl')), true],
    ['argv: ["kubectl get *"]', exec('kubectl', 'get', 'pods'), true],
    ['argv: ["kubectl get *"]', withEnv({ PATH: '.' }, exec('kubectl', 'get', 'pods')), false],
    ['argv: ["kubectl get pods"]', exec('kubectl get', 'pods'), false],
    ['argv: ["git commit *"]', git('commit', '-m', 'two words'), true],
    ['argv: ["git log *"]', git('-C', 'sub', 'log', '-1'), true],
    ['argv: ["git push origin main"]', git('push', '--force', 'origin', 'main'), false],
  ])('allows by %s only the exact spelling (%#)', (conditions, command, allowed) => {
    expect(reject(only(conditions), command)).toEqual(allowed ? null : expect.objectContaining({ by: 'policy' }));
  });

  it('applies the git guard-rail to exec of git if a rule mentions git', () => {
    const alias = exec('git', '-c', 'alias.x=!id', 'x');
    const byGit = { by: 'git', rule: null };
    for (const rules of [
      only('programs: [git]'),
      only('programs: ["g*"]'),
      only('argv: ["git *"]'),
      'rules: [{ action: deny, argv: ["git push *"] }]',
      'rules: [{ action: deny, programs: [git], projects: [other] }, { action: allow, programs: [git] }]',
    ])
      expect(reject(rules, alias)).toMatchObject(byGit);
    expect(reject(only('programs: [/usr/bin/git]'), exec('/usr/bin/git', 'help', 'x'))).toMatchObject(byGit);
    expect(reject(only('programs: [git]'), withEnv({ GIT_SSH: 'x' }, exec('git', 'fetch')))).toMatchObject(byGit);
    expect(
      reject(only('programs: [git]'), {
        ...exec('git', 'status'),
        spec: { ...exec('git', 'status').spec, cwd: '.git' },
      }),
    ).toMatchObject(byGit);
    expect(
      reject('rules: [{ action: deny, argv: ["git push *"] }]', exec('/usr/lib/git-core/git-upload-pack', 'x')),
    ).toMatchObject(byGit);
    expect(reject(only('programs: [git]'), exec('git', 'status'))).toBeNull();
    expect(reject(only('programs: [git, git-lfs]'), exec('git-lfs', 'pull'))).toBeNull();
    for (const rules of [
      'rules: []',
      'rules: [{ action: deny, programs: [rm] }]',
      only('programs: ["*"]'),
      only('types: [exec]'),
    ])
      expect(reject(rules, alias)).toBeNull();
  });

  it('contains no pattern whose run time grows faster than the script', () => {
    const glob = '*a'.repeat(240);
    const leastMs = (length: number) => {
      const times = [1, 2, 3].map(() => {
        const from = performance.now();
        expect(reject(`rules: [{ action: deny, scripts: ['${glob}*b'] }]`, shell('a'.repeat(length)))).toBeNull();
        return performance.now() - from;
      });
      return Math.min(...times);
    };
    expect(leastMs(1_000_000)).toBeLessThan(50 * leastMs(100_000));
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
    ['rules:\n  - action: deny\n    env: [A]', 3, '"env" goes with "allow"'],
    ['rules:\n  - action: deny\n    action: allow', 3, 'unique'],
    ['rules:\n  - action: !!js/function x', 2, ''],
    ['rules:\n  - &a {action: deny}\n  - *a', 3, 'map'],
    ['rules:\n\t- action: deny', 2, ''],
  ])('that is invalid is refused with the file, the line and the error: %j', (text, line, words) => {
    expect(() => parsePolicy('p.yaml', text)).toThrow(InvalidPolicy);
    expect(() => parsePolicy('p.yaml', text)).toThrow(new RegExp(`RDEV_POLICY_FILE[^]*p\\.yaml:${line}: .*${words}`));
  });

  it('reports all errors together', () => {
    expect(() => parsePolicy('p.yaml', 'rules:\n  - action: x\n  - action: deny\n    keys: []')).toThrow(
      /:2: [^]*:4: /,
    );
  });

  it('prevents the start if its file cannot be read', async () => {
    await expect(loadPolicy('/there/is/no/such/file')).rejects.toThrow(
      /\/there\/is\/no\/such\/file: cannot be read: ENOENT/,
    );
    await expect(loadPolicy('/')).rejects.toThrow(/EISDIR/);
  });
});
