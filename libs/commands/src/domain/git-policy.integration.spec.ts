import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../../testing/random.js';
import { gitRefusal } from './git-policy.js';
import { SUBCOMMANDS } from './git-rules.js';

const RUNS = 100;
const SEED = Number(process.env.GIT_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** What git itself does with arguments that name a program: the program leaves a canary behind. */
describe('gitRefusal against the git that is installed', () => {
  const root = mkdtempSync(join(tmpdir(), 'rdev-git-policy-'));
  const evil = join(root, 'evil');
  const canary = join(root, 'canary');
  const work = join(root, 'work');
  const env = { PATH: `${root}:${process.env.PATH ?? ''}`, HOME: root, TERM: 'dumb', GIT_TERMINAL_PROMPT: '0' };

  const template = join(root, 'template');
  const renew = (): void => {
    rmSync(work, { recursive: true, force: true });
    cpSync(template, work, { recursive: true });
  };

  beforeAll(() => {
    mkdirSync(template);
    const git = (...args: string[]) => execFileSync('git', args, { cwd: template, env, stdio: 'ignore' });
    git('init', '-q', '-b', 'main');
    git('config', 'user.name', 'x');
    git('config', 'user.email', 'x@example.com');
    writeFileSync(join(template, 'file'), 'one');
    git('add', '.');
    git('commit', '-qm', 'one');
    git('checkout', '-qb', 'topic');
    git('commit', '-qm', 'topic', '--allow-empty');
    git('checkout', '-q', 'main');
    writeFileSync(join(template, 'file'), 'two');
    git('commit', '-qam', 'two');
    writeFileSync(evil, `#!/bin/sh\n: > '${canary}'\n`);
    chmodSync(evil, 0o755);
    for (const name of ['git-remote-evil', 'git-merge-evil', 'git-evil']) {
      writeFileSync(join(root, name), `#!/bin/sh\n: > '${canary}'\n`);
      chmodSync(join(root, name), 0o755);
    }
  });
  beforeEach(() => renew());
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const setsOff = (args: readonly string[], more: Readonly<Record<string, string>> = {}): boolean => {
    rmSync(canary, { force: true });
    spawnSync('git', args, {
      cwd: work,
      env: { ...env, ...more },
      stdio: ['ignore', 'ignore', 'ignore'],
      timeout: 5_000,
    });
    return existsSync(canary);
  };

  it.each<[string[], Record<string, string>?]>([
    [['-c', 'core.fsmonitor=EVIL', 'status']],
    [['-c', 'diff.external=EVIL', 'diff', 'HEAD~1']],
    [['-c', 'alias.x=!EVIL', 'x']],
    [['--exec-path=ROOT', 'evil']],
    [['ls-remote', '--upload-pa', 'EVIL', '.']],
    [['ls-remote', '--exec=EVIL', '.']],
    [['clone', '-qu', 'EVIL', 'WORK', 'new']],
    [['fetch', '--upload-pack=EVIL', 'WORK']],
    [['push', '--receive', 'EVIL', 'WORK', 'HEAD:x']],
    [['ls-remote', 'evil::x']],
    [['ls-remote', 'evil://x']],
    [['merge', '-s', 'evil', 'topic']],
    [['rebase', '-x', 'EVIL', 'HEAD~1']],
    [['rebase', '--exe=EVIL', 'HEAD~1']],
    [['grep', '-OEVIL', 'two']],
    [['grep', '--open=EVIL', 'two']],
    [['difftool', '-yx', 'EVIL', 'HEAD~1']],
    [['evil']],
    [['clone', 'ssh://x/y', 'new'], { GIT_SSH: 'EVIL' }],
    [['status'], { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'core.fsmonitor', GIT_CONFIG_VALUE_0: 'EVIL' }],
    [['commit', '--amend'], { GIT_EDITOR: 'EVIL' }],
  ])('refuses what really runs a program: git %j', (args, more = {}) => {
    const real = (text: string) => text.replace('EVIL', evil).replace('ROOT', root).replace('WORK', work);
    const [realArgs, realEnv] = [
      args.map(real),
      Object.fromEntries(Object.entries(more).map(([name, value]) => [name, real(value)])),
    ];
    expect(setsOff(realArgs, realEnv)).toBe(true);
    expect(gitRefusal(realArgs, realEnv)).toEqual(expect.any(String));
  });

  it(`lets nothing through that runs a program (GIT_SEED=${SEED})`, () => {
    const random = new Random(SEED);
    const options =
      '--upload-pack --receive-pack --exec --exec-path --config-env --config --ext-diff --textconv --extcmd --strategy --output --open-files-in-pager --template --no-index --filters --file --edit --text --quiet --all --force --patch'.split(
        ' ',
      );
    const subcommands = [...Object.keys(SUBCOMMANDS), 'difftool', 'evil', 'filter-branch', 'hook'];
    const values = [
      evil,
      `!${evil}`,
      `ext::${evil}`,
      'evil::x',
      'evil',
      work,
      '.',
      'HEAD~1',
      'topic',
      'file',
      'run',
      'foreach',
    ];
    const settings = [
      'core.fsmonitor',
      'core.sshCommand',
      'diff.external',
      'alias.x',
      'core.pager',
      'core.editor',
      'user.name',
    ];
    const item = (): string[] => {
      const option = random.pick(options);
      const name = option.slice(0, 3 + random.below(option.length - 2));
      const value = random.pick(values);
      return random.pick([
        [name],
        [`${name}=${value}`],
        [name, value],
        [value],
        [`-${random.pick('a b c e f n o p q s t u v x C F O S X'.split(' '))}${random.pick(['', value])}`],
        ['-c', `${random.pick(settings)}=${evil}`],
        [random.pick(settings), evil],
        ['--'],
      ]);
    };
    let ran = 0;
    for (let tries = 0; ran < RUNS && tries < RUNS * 100; tries++) {
      const items = Array.from({ length: random.below(6) }, item).flat();
      const front = random.below(4) === 0 ? item() : [];
      const args = [...front, random.pick(subcommands), ...items];
      if (!args.some((text) => text.includes('evil')) || gitRefusal(args) !== null) continue;
      if (ran++ % 10 === 0) renew();
      if (setsOff(args)) throw new Error(`It runs a program: git ${JSON.stringify(args)}`);
    }
    expect(ran).toBe(RUNS);
  });
});
