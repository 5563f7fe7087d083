import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { aCommand, Random } from '@app/commands/testing';
import type { CommandSpec } from '@app/commands';
import { CommandPolicy, COMMANDS, guardedGit } from '@app/policy';
import { THOROUGH } from '../../../../test/support/thorough.js';
import { startRequest } from './start-request.js';

const RUNS = THOROUGH ? 100 : 30;
const SEED = Number(process.env.GIT_SEED ?? Math.floor(Math.random() * 2 ** 31));
const PROGRAMS = 'evil git-remote-evil git-merge-evil git-evil man gpg ssh editor pager nroff groff less vi'.split(' ');

interface Step {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
}

/**
 * Attacks by a key that may only run git, in a clone of a repository with content of its choice. Each attempt is
 * accepted or refused by the policy, and then run as rdev runs it. EVIL is a program that leaves a mark, WORK the
 * project's directory and OUTSIDE a directory next to it.
 */
describe('git in a hostile repository', () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'rdev-git-attacks-')));
  const [programs, outside, home, template, work] = ['programs', 'outside', 'home', 'template', 'work'].map((name) =>
    join(root, name),
  ) as [string, string, string, string, string];
  const evil = join(programs, 'evil');
  const canary = join(root, 'canary');
  const policy = new CommandPolicy();
  const basic = {
    PATH: `${programs}:${process.env.PATH ?? ''}`,
    HOME: home,
    LANG: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const write = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, mode);
  };

  /** What a key can bring in with a clone or a commit: links, files of a bare repository, attributes, patches. */
  const fillTree = (tree: string): void => {
    write(join(tree, 'file'), 'two\n');
    write(join(tree, 'message'), 'A message\n');
    write(
      join(tree, 'evil-config'),
      `[core]\n\tfsmonitor = ${evil}\n\thooksPath = ${programs}\n[alias]\n\tx = !${evil}\n`,
    );
    write(join(tree, 'hooks/pre-commit'), `#!/bin/sh\n: > '${canary}'\n`, 0o755);
    write(join(tree, 'hooks/post-checkout'), `#!/bin/sh\n: > '${canary}'\n`, 0o755);
    write(join(tree, '.gitattributes'), '*.bin diff=evil filter=evil merge=evil\n');
    write(join(tree, 'a.bin'), 'binary\n');
    write(join(tree, '.gitmodules'), `[submodule "s"]\n\tpath = s\n\turl = ext::${evil}\n\tupdate = !${evil}\n`);
    for (const [name, target] of Object.entries({
      'to-git': '.git',
      'to-config': '.git/config',
      'to-outside': outside,
      '-': join(outside, 'empty'),
      'linked-empty': join(outside, 'empty'),
    }))
      symlinkSync(target, join(tree, name));
    symlinkSync(join(outside, 'new'), join(tree, '0001-one.patch'));
    const bare = join(tree, 'bare');
    for (const [path, text] of Object.entries({
      HEAD: 'ref: refs/heads/main\n',
      config: `[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n\tfsmonitor = ${evil}\n\tsshCommand = ${evil}\n\tpager = ${evil}\n`,
      'objects/keep': '',
      'refs/heads/keep': '',
    }))
      write(join(bare, path), text);
    const lazy = join(tree, 'lazy');
    for (const [path, text] of Object.entries({
      HEAD: 'ref: refs/heads/main\n',
      config: `[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tpartialClone = p\n[remote "p"]\n\turl = .\n\tpromisor = true\n\tuploadpack = ${evil}\n[uploadpack]\n\tpackObjectsHook = ${evil}\n`,
      'objects/keep': '',
      'refs/heads/main': `${'1'.repeat(40)}\n`,
    }))
      write(join(lazy, path), text);
    for (const hook of ['post-receive', 'pre-receive', 'update', 'post-update', 'pre-commit', 'reference-transaction'])
      write(join(bare, 'hooks', hook), `#!/bin/sh\n: > '${canary}'\n`, 0o755);
    write(
      join(tree, 'evil.patch'),
      'diff --git a/.git/config b/.git/config\nnew file mode 100644\n--- /dev/null\n+++ b/.git/config\n@@ -0,0 +1 @@\n+[core]\n',
    );
    write(
      join(tree, 'link.patch'),
      'diff --git a/to-outside/x b/to-outside/x\nnew file mode 100644\n--- /dev/null\n+++ b/to-outside/x\n@@ -0,0 +1 @@\n+x\n',
    );
  };

  beforeAll(() => {
    for (const directory of [programs, outside, home, template]) mkdirSync(directory);
    for (const name of PROGRAMS) write(join(programs, name), `#!/bin/sh\n: > '${canary}'\n`, 0o755);
    write(join(outside, 'secret'), 'secret\n');
    mkdirSync(join(outside, 'empty'));
    const git = (...args: string[]) => execFileSync('git', args, { cwd: template, env: basic, stdio: 'ignore' });
    git('init', '-q', '-b', 'main');
    git('config', 'user.name', 'x');
    git('config', 'user.email', 'x@example.com');
    write(join(template, 'file'), 'one\n');
    write(join(template, 'linked/secret'), 'one\n');
    git('add', '.');
    git('commit', '-qm', 'one');
    git('checkout', '-qb', 'topic');
    git('commit', '-qm', 'topic', '--allow-empty');
    git('checkout', '-q', 'main');
    fillTree(template);
    rmSync(join(template, 'linked'), { recursive: true });
    symlinkSync(outside, join(template, 'linked'));
    git('add', '-f', '.');
    git('commit', '-qm', 'two');
  });
  let isUsed = true;
  const renew = (): void => {
    if (!isUsed) return;
    isUsed = false;
    rmSync(work, { recursive: true, force: true });
    cpSync(template, work, { recursive: true, verbatimSymlinks: true });
  };
  beforeEach(renew);
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const real = (text: string): string =>
    text.replaceAll('EVIL', evil).replaceAll('WORK', work).replaceAll('OUTSIDE', outside);
  const realEnv = (env: Step['env'] = {}): Record<string, string> =>
    Object.fromEntries(Object.entries(env).map(([name, value]) => [name, real(value)]));

  /** Refused by the policy, or the exit code. */
  const run = ({ args, env, cwd, stdin }: Step): 'refused' | number | null => {
    const spec: CommandSpec = {
      ...aCommand().spec,
      work: { type: 'git', args: args.map(real) },
      env: realEnv(env),
      cwd: cwd === undefined ? null : real(cwd),
    };
    const subject = { projectId: 'web', keyId: 'key_1', spec, directory: work };
    if (policy.rejection(subject) !== null) return 'refused';
    isUsed = true;
    const request = startRequest(aCommand(), { spec, environment: {} }, work, policy, { isIsolated: true });
    if (!('argv' in request.program)) throw new Error('It is no script.');
    const [program = '', ...rest] = request.program.argv;
    const options = {
      cwd: request.cwd ?? work,
      env: { ...basic, ...request.env },
      input: stdin ?? '',
      timeout: 10_000,
      stdio: ['pipe', 'ignore', process.env.GIT_SHOW === undefined ? 'ignore' : 'inherit'] as (
        'pipe' | 'ignore' | 'inherit'
      )[],
    };
    return spawnSync(program, rest, options).status;
  };

  /** Everything outside the project. */
  const surroundings = (directory = root): string[] =>
    readdirSync(directory, { withFileTypes: true })
      .filter(({ name }) => ![work, template].includes(join(directory, name)))
      .flatMap((entry) => {
        const path = join(directory, entry.name);
        if (entry.isDirectory()) return [relative(root, path), ...surroundings(path)];
        return [`${relative(root, path)} ${lstatSync(path).isFile() ? readFileSync(path, 'hex') : ''}`];
      });

  /** What git itself does with arguments that the guard-rail refuses: proves that the attacks are real. */
  it.each<[string[], Record<string, string>?]>([
    [['-c', 'core.fsmonitor=EVIL', 'status']],
    [['-c', 'diff.external=EVIL', 'diff', 'HEAD~1']],
    [['-c', 'alias.x=!EVIL', 'x']],
    [['--exec-path=OUTSIDE/../programs', 'evil']],
    [['ls-remote', '--upload-pa', 'EVIL', '.']],
    [['clone', '-qu', 'EVIL', 'WORK', 'new']],
    [['push', '--receive', 'EVIL', 'WORK', 'HEAD:x']],
    [['ls-remote', 'evil::x']],
    [['merge', '-s', 'evil', 'topic']],
    [['rebase', '-x', 'EVIL', 'HEAD~1']],
    [['grep', '-OEVIL', 'two']],
    [['difftool', '-yx', 'EVIL', 'HEAD~1']],
    [['help', 'status']],
    [['status', '--help']],
    [['-h', 'status']],
    [['-C', 'bare', 'status']],
    [['--git-dir=bare', 'status']],
    [['clone', 'ssh://x/y', 'new'], { GIT_SSH: 'EVIL' }],
    [['status'], { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'core.fsmonitor', GIT_CONFIG_VALUE_0: 'EVIL' }],
    [['commit', '--amend'], { GIT_EDITOR: 'EVIL' }],
  ])('git itself runs a program for the refused: git %j', (args, env = {}) => {
    rmSync(canary, { force: true });
    isUsed = true;
    spawnSync('git', args.map(real), {
      cwd: work,
      env: { ...basic, ...realEnv(env) },
      stdio: 'ignore',
      timeout: 5_000,
    });
    expect(existsSync(canary)).toBe(true);
    renew();
    rmSync(canary);
    run({ args, env });
    expect(existsSync(canary)).toBe(false);
  });

  const git = (line: string, more: Omit<Step, 'args'> = {}): Step => ({ args: line.split(' '), ...more });
  const config = (key: string, value: string): Step => ({ args: ['config', key, value] });

  const TRIES: [string, ...Step[]][] = [
    [
      'a setting followed by a read option',
      { args: ['config', 'core.fsmonitor', 'EVIL; false', '--get'] },
      git('status'),
    ],
    [
      'a setting preceded by --type',
      { args: ['config', '--type=path', 'core.fsmonitor', 'EVIL', '--list'] },
      git('status'),
    ],
    ['a setting of the user', { args: ['config', '--global', 'alias.x', '!EVIL'] }, git('x')],
    ['a harmless setting of the user', git('config --global user.name x')],
    ['a setting of the machine', git('config --system user.name x')],
    ['a setting in a separate file', git('config -f bare/config user.name x'), git('-C bare status')],
    ['a setting by a newer verb', git('config set core.fsmonitor EVIL'), git('status')],
    ['a setting with a newline', config('user.name', 'x\n[core]\n\tfsmonitor = EVIL'), git('status')],
    ['a setting of a submodule', config('submodule.s.update', '!EVIL'), git('submodule update --init')],
    ['an include', config('include.path', '../evil-config'), git('status')],
    ['another directory of hooks', config('core.hooksPath', 'hooks'), git('commit --allow-empty -m x')],
    ['another working tree', config('core.worktree', 'OUTSIDE'), git('checkout -f')],
    ['a bare repository of the tree by -C', git('-C bare status')],
    ['a bare repository of the tree by cwd', git('status', { cwd: 'bare' })],
    ['a bare repository of the tree by an absolute cwd', git('status', { cwd: 'WORK/bare' })],
    [
      'a bare repository with --output into its config',
      git('init --bare b'),
      git('log --format=x --output=b/config'),
      git('-C b status'),
    ],
    [
      'a new bare repository with hooks',
      git('init --bare b'),
      git('mv hooks/pre-commit b/hooks/pre-commit'),
      git('-C b status'),
    ],
    [
      'a bare repository with a config moved into it',
      git('init --bare b'),
      git('mv -f evil-config b/config'),
      git('-C b status'),
    ],
    [
      'a bare repository with a config moved into it, by cwd',
      git('init --bare b'),
      git('mv -f evil-config b/config'),
      git('status', { cwd: 'b' }),
    ],
    ['the directory of git by cwd', git('status', { cwd: '.git' })],
    ['the directory of git by an absolute cwd', git('init x', { cwd: 'WORK/.git' })],
    ['the directory of git by a link as cwd', git('init hooks/x', { cwd: 'to-git' })],
    ['a link to outside as cwd', git('init new', { cwd: 'to-outside' })],
    ['outside as cwd', git('init new', { cwd: 'OUTSIDE' })],
    ['up as cwd', git('init new', { cwd: '../outside' })],
    ['a link to outside by -C', git('-C to-outside init new')],
    ['a link to the directory of git by -C', git('-C to-git init new')],
    ['the manual by help', git('help status', { env: { MANOPT: '-P EVIL' } })],
    ['the manual by --help', git('status --help', { env: { GROFF_BIN_PATH: 'WORK' } })],
    ['the manual by the short option of git itself', git('-h status')],
    ['the environment of the manual', git('status', { env: { MANOPT: '-P EVIL' } })],
    ['a library', git('status', { env: { LD_PRELOAD: 'EVIL' } })],
    ['a message catalogue', git('status', { env: { LANGUAGE: '../../../../..WORK' } })],
    ['a trace file', git('status', { env: { GIT_TRACE: 'OUTSIDE/new' } })],
    ['another index', git('add .', { env: { GIT_INDEX_FILE: 'OUTSIDE/new' } })],
    ['another home', git('status', { env: { HOME: 'WORK/bare', XDG_CONFIG_HOME: 'WORK' } })],
    ['another path', git('status', { env: { PATH: 'WORK' } })],
    ['an editor', git('commit --amend -e', { env: { EDITOR: 'EVIL' } })],
    ['--output', git('log -p --output=OUTSIDE/new')],
    ['--output by a link', git('log -p --output=to-config'), git('status')],
    ['--output abbreviated', git('diff HEAD~1 --outpu OUTSIDE/new')],
    ['--output after an operand', git('show HEAD --output OUTSIDE/new')],
    ['--output after the end of options', git('log --end-of-options HEAD --output=OUTSIDE/new')],
    ['--output as a value', git('log --contains --output=OUTSIDE/new'), git('log -n --output=OUTSIDE/new')],
    ['--output of a list of stashes', git('stash list --output=OUTSIDE/new')],
    ['--output of a log of references', git('reflog show --output=OUTSIDE/new')],
    ['an archive', git('archive -o OUTSIDE/new HEAD')],
    ['an archive in a bundle of options', git('archive -vo OUTSIDE/new HEAD')],
    ['an archive by a link', git('archive --output=to-outside/new HEAD')],
    ['a patch in a directory outside', git('format-patch -o OUTSIDE -1')],
    ['a patch with the name of a link', git('format-patch -1 HEAD~1 --root')],
    ['a bundle', git('bundle create OUTSIDE/new HEAD')],
    ['a worktree outside', git('worktree add ../new topic')],
    ['a worktree outside by an absolute path', git('worktree add OUTSIDE/new topic')],
    ['a worktree by a link', git('worktree add to-outside/new topic')],
    ['a worktree in an empty directory by a link', git('worktree add to-outside/empty topic')],
    ['a worktree in the directory of git', git('worktree add .git/modules/s main')],
    ['a worktree by a link in the directory of git', git('worktree add to-git/modules/s main')],
    ['a worktree that moves outside', git('worktree add wt topic'), git('worktree move wt to-outside/new')],
    ['a repository outside', git('init OUTSIDE/new')],
    ['a repository by a link', git('init to-outside/new')],
    ['a repository whose directory of git is outside', git('init --separate-git-dir OUTSIDE/new x')],
    ['a repository from a template', git('init --template=hooks x')],
    ['a clone of a path', git('clone ./bare x')],
    ['a clone of a path that looks like a name', git('clone bare x')],
    ['a clone of a file', git('clone file://WORK x')],
    ['a clone by a program', { args: ['clone', 'ext::EVIL', 'x'] }],
    ['a clone by a helper', git('clone evil://x x')],
    ['a clone with a program', git('clone --upload-pack=EVIL WORK x')],
    ['a clone with a setting', git('clone -c core.fsmonitor=EVIL WORK x')],
    ['a clone whose host is an option', git('clone ssh://-oProxyCommand=EVIL/x y')],
    ['a push to a repository of the tree', git('push bare main:x')],
    ['a push to a repository of the tree by a remote', git('remote add b bare'), git('push b main:x')],
    ['a push to a remote with a path', git('remote add b ./bare'), git('push b main:x')],
    ['a fetch from a repository of the tree', git('fetch bare')],
    ['a push to a repository of the tree by a file', git('remote add b file://WORK/bare'), git('push b main:x')],
    ['a push after a fetch', git('remote add b ./bare'), git('fetch b'), git('push b main:x')],
    ['a repository with missing objects to fetch', git('clone ./lazy x'), git('fetch lazy'), git('ls-remote lazy')],
    ['submodules of a clone', git('clone --recurse-submodules . x'), git('fetch --recurse-submodules .')],
    ['a clone into the directory of git', git('clone . .git/x')],
    ['a clone by an absolute path outside', git('clone . OUTSIDE/new')],
    ['a clone by an absolute path and a link', git('clone . WORK/to-outside/new')],
    ['a clone by an absolute path that goes up', git('clone . WORK/../new')],
    ['a worktree by an absolute path and a link', git('worktree add WORK/to-outside/new topic')],
    ['an absolute path by -C and a link', git('-C WORK/to-outside init x'), git('-C WORK/bare status')],
    [
      'an option of fetch after the dashes of pull',
      { args: ['pull', '--', '.', '--upload-pack=EVIL; git-upload-pack'] },
    ],
    ...['stash list --', 'cherry-pick --', 'revert --', 'blame -- HEAD', 'annotate -- HEAD', 'log --', 'show --'].map(
      (text): [string, Step] => [`an option behind the dashes of ${text}`, git(`${text} --output=OUTSIDE/new`)],
    ),
    ['a repository at a link that is named like stdin', git('init -')],
    ['a clone at a link that is named like stdin', git('clone . -')],
    ['a worktree at a link that is named like stdin', git('worktree add - topic')],
    ['a directory that is a link named like stdin', git('-C - add .'), git('-C - init'), git('-C - clean -fdx')],
    ['a move to a link that is named like stdin', git('mv file -')],
    ['a clone whose directory is guessed to be a link', git('clone ./x/linked-empty')],
    [
      'a clone whose directory git cleans',
      { args: ['clone', '.', 'a/.git\u0001'] },
      { args: ['clone', './a/.git\u0001'] },
    ],
    ['a bare clone whose directory git cleans', { args: ['clone', '--bare', './x/\u0001'] }],
    ['a submodule whose directory is guessed', { args: ['submodule', 'add', 'https://h/x/.git\u0001'] }],
    ['a push with a program', git('push --exec=EVIL WORK main')],
    ['a submodule of the tree', git('submodule update --init'), git('submodule update --init --recursive --force')],
    ['a submodule that is added', { args: ['submodule', 'add', 'ext::EVIL', 'x'] }],
    ['a submodule outside', git('submodule add https://example.com/x ../outside/new')],
    ['a program for each submodule', { args: ['submodule', '--quiet', 'foreach', 'EVIL'] }],
    ['a move into the directory of git', git('mv -f evil-config .git/config'), git('status')],
    ['a move by a link to the directory of git', git('mv -f evil-config to-git/config'), git('status')],
    ['a move by a link to outside', git('mv file to-outside/new')],
    [
      'a removal through a link that replaced a directory',
      git('reset HEAD~1'),
      git('rm -f linked/secret'),
      git('rm -rf linked'),
      { args: ['rm', '-f', '?inked/secret'] },
      { args: ['rm', '-f', ':(glob)**/secret'] },
      git('-C hooks rm -f ../linked/secret'),
      git('mv -f linked/secret x'),
    ],
    ['a patch to the directory of git', git('apply evil.patch'), git('apply --index evil.patch'), git('status')],
    ['a patch by a link', git('apply link.patch')],
    ['a patch with an extra file', git('apply --build-fake-ancestor=OUTSIDE/new evil.patch')],
    [
      'a reference that replaces the config',
      git('symbolic-ref config refs/heads/x'),
      git('update-ref config HEAD'),
      git('status'),
    ],
    ['a strategy', git('merge -s evil topic')],
    ['an abbreviated strategy', git('merge --strat=evil topic')],
    ['a strategy in a bundle', git('rebase -qsevil topic')],
    ['a program at each commit', git('rebase --exec EVIL HEAD~1')],
    ['a list of steps', git('rebase -i HEAD~1')],
    ['a program of bisect', git('bisect start HEAD HEAD~1'), git('bisect run EVIL')],
    ['an alias for one call', git('-c alias.x=!EVIL x')],
    ['a pager', git('-p log'), git('-c core.pager=EVIL --paginate log')],
    ['grep in a pager', git('grep -nOEVIL two')],
    ['a signature', git('tag --verify x')],
    ['files of another repository', git('--git-dir=bare --work-tree=. status')],
    [
      'unreachable objects outside',
      git('gc --expire-to=OUTSIDE/new'),
      git('repack -d --cruft --expire-to=OUTSIDE/new'),
    ],
    ['a file outside', git('commit --allow-empty -F OUTSIDE/secret')],
    ['an option after the dashes of a verb', git('stash -- push'), git('submodule -- foreach EVIL')],
    ['an edit of the config', git('config --edit'), git('config edit')],
    [
      'magic of paths',
      { args: ['checkout', 'HEAD~1', '--', ':(top,glob)../outside/**'] },
      { args: ['add', ':(attr:x)../outside/secret'] },
    ],
  ];

  it.each<[string, ...Step[]]>(TRIES)('runs no program and writes nothing outside: %s', (_name, ...steps) => {
    rmSync(canary, { force: true });
    const before = surroundings();
    for (const step of steps) run(step);
    expect(surroundings()).toEqual(before);
    expect(existsSync(canary)).toBe(false);
    expect(readFileSync(join(work, '.git/config'), 'utf8')).not.toMatch(/^\s*(fsmonitor|hooksPath)/m);
  });

  it('has at least 60 tries', () => expect(TRIES.length).toBeGreaterThanOrEqual(60));

  /** Settings written by a key that may run scripts in the project: those that can be neutralized are. */
  it.each<[string, [string, string], ...Step[]]>([
    ['core.fsmonitor', ['core.fsmonitor', 'EVIL'], git('status'), git('add .')],
    ['core.hooksPath', ['core.hooksPath', 'hooks'], git('commit --allow-empty -m x'), git('checkout -q topic')],
    ['diff.external', ['diff.external', 'EVIL'], git('diff HEAD~1'), git('show'), git('log -p'), git('stash show -p')],
    [
      'diff.<driver>.textconv',
      ['diff.evil.textconv', 'EVIL'],
      git('show -p HEAD -- a.bin'),
      git('log -p -- a.bin'),
      git('blame a.bin'),
      git('diff HEAD~1 -- a.bin'),
      git('whatchanged -p'),
      git('reflog -p'),
    ],
    ['diff.<driver>.command', ['diff.evil.command', 'EVIL'], git('diff HEAD~1 -- a.bin'), git('diff-tree -p HEAD')],
    ['core.sshCommand', ['core.sshCommand', 'EVIL'], git('ls-remote evil://x')],
    ['core.askPass', ['core.askPass', 'EVIL'], git('ls-remote http://127.0.0.1:9/x')],
    ['core.pager', ['core.pager', 'EVIL'], git('log'), git('diff HEAD~1')],
    [
      'core.editor',
      ['core.editor', 'EVIL'],
      git('commit --amend -e'),
      git('branch --edit-description'),
      git('tag -a x'),
    ],
    ['sequence.editor', ['sequence.editor', 'EVIL'], git('rebase -i HEAD~1')],
    ['core.alternateRefsCommand', ['core.alternateRefsCommand', 'EVIL'], git('fetch bare')],
    ['an alias with a name of git', ['alias.status', '!EVIL'], git('status')],
    ['an alias', ['alias.x', '!EVIL'], git('x')],
    ['a remote helper', ['remote.r.url', 'ext::EVIL'], git('fetch r'), git('push r main')],
    ['a remote with its own helper', ['remote.r.vcs', 'evil'], git('fetch r')],
    ['a rewritten URL', ['url.ext::EVIL.insteadOf', 'https:'], git('fetch https://example.com/x')],
    ['a program for a path', ['remote.r.uploadpack', 'EVIL'], git('remote add -f r ./bare')],
    [
      'a program for a known path',
      ['remote.r.uploadpack', 'EVIL'],
      git('remote add r .'),
      ...[
        'fetch r',
        'pull r main',
        'ls-remote r',
        'fetch --all',
        'fetch --multiple r',
        'remote update',
        'remote show r',
      ].map((text) => git(text)),
    ],
    ['protocol.ext.allow', ['protocol.ext.allow', 'always'], git('submodule update --init')],
    ['safe.bareRepository', ['safe.bareRepository', 'all'], git('status', { cwd: 'bare' })],
  ])("does not run what the repository's settings name: %s", (_name, [key, value], ...steps) => {
    rmSync(canary, { force: true });
    isUsed = true;
    execFileSync('git', ['config', key, real(value)], { cwd: work, env: basic });
    for (const step of steps) run(step);
    expect(existsSync(canary)).toBe(false);
  });

  it('behaves like git for harmless calls', () => {
    const codes = [
      git('status'),
      git('worktree add .worktrees/topic topic'),
      git('log -1', { cwd: '.worktrees/topic' }),
      git('mv file moved'),
      git('commit -qm moved', { env: { GIT_AUTHOR_NAME: 'Ada' } }),
      git('commit -F message --allow-empty'),
      git('stash list'),
      git('init -q sub'),
      git('-C sub status'),
      git('diff HEAD~1 -- to-outside'),
      git('log', { cwd: 'WORK/hooks/' }),
      git('merge --no-ff topic'),
      git('rm -f message to-config'),
      git('rm -r --cached bare'),
      git('blame -L1,1 moved'),
      git('rev-parse --show-toplevel'),
      git('config user.name Ada'),
    ].map((step) => run(step));
    expect(codes).toEqual(codes.map(() => 0));
  });

  it.each([
    ['/no/such', '/'],
    ['/', '/'],
    ['/no/such', '/usr'],
  ])('works if the project has the directory %s and the container %s', (directory, cwd) => {
    const { argv } = guardedGit({ program: 'git', args: ['version'], directory, below: '' });
    const [sh = '', ...args] = argv;
    expect(spawnSync(sh, args, { cwd, env: basic }).status).toBe(0);
  });

  it('reads from a repository at a path, into a path below the project', () => {
    isUsed = true;
    for (const step of [
      git('clone . a'),
      git('clone file://WORK WORK/b'),
      // Its `.gitmodules` is hostile, and git stops at it.
      git('-C WORK/b fetch --no-recurse-submodules ../a'),
      git('-C b pull --no-recurse-submodules --rebase ../a main'),
      git('ls-remote WORK'),
      git('clone WORK/a', { cwd: 'b' }),
      git('clone --bare ./a'),
      git('worktree add WORK/c topic'),
    ])
      expect([step.args, run(step)]).toEqual([step.args, 0]);
    expect(run(git('-C b push origin main:x'))).toBe(128);
  });

  it('ignores repositories above the project', () => {
    isUsed = true;
    rmSync(join(work, '.git'), { recursive: true });
    execFileSync('git', ['init', '-q'], { cwd: root, env: basic });
    expect(run(git('add .'))).toBe(128);
    rmSync(join(root, '.git'), { recursive: true });
  });

  it(`accepts nothing that runs a program or writes outside (GIT_SEED=${SEED})`, () => {
    const random = new Random(SEED);
    const options =
      '--upload-pack --receive-pack --exec --exec-path --config-env --config --ext-diff --textconv --strategy --output --template --no-index --filters --file --edit --text --quiet --all --force --patch --bare --no-checkout --contains --message --format --amend --prefix --global --add --get'.split(
        ' ',
      );
    const values = [
      evil,
      `!${evil}`,
      `ext::${evil}`,
      'evil::x',
      'evil',
      outside,
      '../outside/new',
      'to-outside/new',
      'to-git',
      'to-config',
      'bare',
      '.git',
      'HEAD~1',
      'topic',
      'file',
      'run',
      'foreach',
    ];
    const settings = ['core.fsmonitor', 'core.sshCommand', 'diff.external', 'alias.x', 'core.pager', 'user.name'];
    const item = (): string[] => {
      const option = random.pick(options);
      const name = random.below(2) === 0 ? option : option.slice(0, 3 + random.below(option.length - 2));
      const value = random.pick(values);
      return random.pick([
        [name],
        [`${name}=${value}`],
        [name, value],
        [value],
        [`-${random.pick('a b c e f n o p q s t u v x m C F O S X'.split(' '))}${random.pick(['', value])}`],
        ['-c', `${random.pick(settings)}=${evil}`],
        [random.pick(settings), evil],
        ['--'],
      ]);
    };
    const before = surroundings();
    let ran = 0;
    for (let tries = 0; ran < RUNS && tries < RUNS * 100; tries++) {
      const items = Array.from({ length: random.below(5) }, item).flat();
      const front = random.below(4) === 0 ? item() : [];
      const args = [...front, ...random.pick(Object.keys(COMMANDS)).split(' '), ...items];
      if (run({ args }) === 'refused') continue;
      if (existsSync(canary)) throw new Error(`It runs a program: git ${JSON.stringify(args)}`);
      if (ran++ % 10 !== 0) continue;
      expect({ args, around: surroundings() }).toEqual({ args, around: before });
      renew();
    }
    expect(surroundings()).toEqual(before);
    expect(ran).toBe(RUNS);
  }, 60_000);
});
