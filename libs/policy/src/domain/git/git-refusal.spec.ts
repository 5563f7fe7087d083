import { COMMANDS } from './command-table.js';
import { SUBCOMMANDS, type Subcommand } from './commands.js';
import { gitRefusal } from './git-refusal.js';

const refusal = (args: readonly string[], env: Record<string, string> = {}, cwd: string | null = null) =>
  gitRefusal({ args, env, cwd, directory: '/workspace' });

const words = (line: string): string[] => line.split(' ');

describe('gitRefusal', () => {
  it.each([
    'status',
    'status --short --branch',
    'add -A',
    'status -h',
    'worktree add .worktrees/topic topic',
    'worktree add -b topic .worktrees/topic',
    'worktree remove .worktrees/topic',
    'format-patch --stdout -3',
    'archive --format=tar.gz HEAD',
    'config --global --get user.email',
    'config --get-regexp user',
    'config get user.email',
    'config set user.email me@example.com',
    'commit -m -- -- file',
    'commit --message --fix-it',
    'commit -m-fix',
    'log -5 --format=%H%x09%s',
    'log -n 5 --author --exec',
    'branch --contains HEAD',
    'branch --merged',
    'stash',
    'stash -u -m wip',
    'stash show -p stash@{0}',
    'reflog -5 main',
    'update-ref refs/heads/x HEAD',
    'symbolic-ref HEAD refs/heads/x',
    'remote -v',
    'remote add origin git@example.com:web.git',
    'init -q -b main sub',
    'mv a.ts src/b.ts',
    'rebase -i --autosquash main',
    'rm -f src/a.ts',
    'rm -r --cached src',
    'switch -',
    'diff HEAD -- .',
    'ls-files -z -- *.ts',
    'add -u',
    'commit -m message',
    'commit -c HEAD',
    'commit --amend --no-edit',
    'log --oneline -n 5 --format=%h',
    'diff --stat HEAD~1',
    'push -u origin main',
    'push --force-with-lease origin HEAD',
    'fetch --prune --tags origin',
    'pull --rebase origin main',
    'clone https://example.com/web.git',
    'clone --depth 1 -b main git@example.com:web.git dir',
    'switch -c branch',
    'checkout -b branch',
    'rebase main',
    'rebase --continue',
    'stash push -u',
    'bisect start',
    'bisect good',
    'submodule update --init --recursive',
    'config user.name somebody',
    'config --get user.name',
    'config --list',
    '-c user.name=x -c user.email=x@example.com commit -m x',
    '-c color.ui=always status',
    '-C sub status',
    'grep -n text',
    'ls-files --others --exclude-standard',
    'clone https://example.com/a.git',
    'clone --depth 1 git@example.com:team/a',
    'clone --bare /srv/a/.git/',
    'submodule add https://example.com/a.git',
    'am -',
    'apply -',
    'commit -F -',
    'checkout -',
    '-c http.extraHeader=x fetch',
    '-c credential.helper= fetch',
    '-c core.pager=cat log',
    '-c protocol.version=2 fetch',
    'config remote.origin.fetch +refs/heads/*:refs/remotes/origin/*',
    'clone /srv/a.git dir',
    'clone file:///srv/a.git /workspace/dir',
    'fetch ../a',
    'remote add x /srv/a.git',
    '-C /workspace/dir status',
    'remote add up https://example.com/a.git',
    'log --grep ext:',
    '--version',
    'maintenance run',
    'diff --text',
    'commit --edit -m x',
    'log -p --stat -- src',
    'log main..topic --author=ada --since=1.week -S--exec',
    'show HEAD:src/index.ts',
    'diff origin/main...HEAD -- src/a.ts .gitignore',
    'add -- src/a.ts /workspace/src/b.ts',
    'commit -F message.txt',
    'commit -qam fix::this',
    'rev-parse --git-dir',
    'rev-parse --abbrev-ref HEAD',
    'branch --edit-description',
    'branch --remotes',
    'merge --no-ff -s ort topic',
    'merge --strategy=ours topic',
    'apply --index fix.patch',
    'clone -c user.name=x https://example.com/a.git',
    'clone --filter=blob:none ssh://git@example.com:22/a.git',
    'clone git@[::1]:a.git',
    'submodule add https://example.com/a.git libs/a',
    'push origin +refs/heads/*:refs/heads/* :old',
    'grep -e std::vector -f patterns.txt',
    'ls-files --exclude=*.o -x *.a',
    'cat-file -p HEAD',
    'config --add safe.directory /workspace',
    'config core.pager',
    'config --get-all remote.origin.fetch',
    'config --unset user.email',
    '--no-pager log',
    '-C sub/dir -c color.ui=never diff',
    'update-index --chmod=+x run.sh',
  ])('allows git %s', (line) => {
    expect(refusal(words(line))).toBeNull();
  });

  it('allows no arguments at all', () => {
    expect(refusal([])).toBeNull();
  });

  it.each([
    // Git stops reading options at the first operand of config; so does rdev.
    'config core.fsmonitor evil --get',
    'config --type bool core.fsmonitor evil --list',
    'config core.fsmonitor -l',
    'config --global user.email me@example.com',
    'config --system user.email me@example.com',
    // A manual viewer is a program controlled by its own variables.
    'help',
    'help status',
    '--help',
    '-h status',
    'status --help',
    // Outside the project, or files whose name could be a link.
    'worktree add ../other topic',
    'worktree add /tmp/x topic',
    'worktree add .git/x topic',
    'worktree repair x',
    'clone https://example.com/a.git ../x',
    'clone https://example.com/a.git .git/modules/x',
    'init /tmp/x',
    'init ../x',
    'submodule add https://example.com/a.git ../x',
    'mv a ../b',
    'mv a .git/config',
    'format-patch -3',
    'format-patch -o patches -3',
    'archive -o out.tar.gz HEAD',
    'archive -vo out.tar HEAD',
    'archive --outp=out.tar HEAD',
    'log --output=x',
    'log --output x',
    'log -p --end-of-options --output=x',
    'log main --output=x',
    'bundle create x HEAD',
    'rm -r src',
    'rm --pathspec-from-file=x',
    'apply --reject x.patch',
    'am --reject x.patch',
    'gc --expire-to=/tmp/x',
    'apply --build-fake-ancestor=x fix.patch',
    'apply --directory=../.. fix.patch',
    // After the dashes git may still read an option.
    'pull -- . --upload-pack=x',
    'stash list -- --output=x',
    'add -- -n',
    // Git would choose the directory.
    'clone https://example.com/a.git?x',
    'clone .',
    'submodule add https://example.com/a.git?x',
    // Repositories at a path have hooks.
    'push ./bare main',
    'push file:///srv/a.git main',
    'push --repo=/srv/a.git',
    'submodule add ./bare x',
    'clone https://example.com/a.git /srv/a',
    'clone https://example.com/a.git /workspace/../a',
    'worktree add /workspace/.git/x',
    // Reference names that are files.
    'update-ref config HEAD',
    'symbolic-ref hooks/x refs/heads/x',
    // Abbreviations, and values that look like options.
    'log --onel',
    'log --grep= --output=x',
    'for-each-ref --contains --sort --output=x',
    'log -n --output=x',
    'commit --ame',
    'add --patch',
    // Settings that run programs, in every form that git accepts.
    '-c core.sshCommand=evil fetch',
    '-ccore.sshCommand=evil fetch',
    '-c CORE.SSHCOMMAND=evil fetch',
    '-c core.pager=evil log',
    '-c alias.x=!evil x',
    '-c core.fsmonitor=evil status',
    '-c core.hooksPath=evil commit',
    '-c diff.external=evil diff',
    '-c credential.helper=!evil fetch',
    '-c protocol.ext.allow=always clone x',
    '-c include.path=evil status',
    '-c filter.x.clean=evil add .',
    '-c gpg.program=evil log',
    '-c user.name=x -c core.editor=evil commit',
    '-C dir -c core.sshCommand=evil fetch',
    '--git-dir x -c core.sshCommand=evil fetch',
    '--config-env=core.sshCommand=EVIL fetch',
    '--config-env core.sshCommand=EVIL fetch',
    '--exec-path=evil status',
    'clone -c core.sshCommand=evil x y',
    'clone --config core.sshCommand=evil x y',
    'clone --conf core.sshCommand=evil x y',
    // Options that name a program, in full and abbreviated.
    'clone --upload-pack=evil x y',
    'clone --upload-pack evil x y',
    'clone --upload-pa evil x y',
    'clone --upl evil x y',
    'clone --u evil x y',
    'clone -u evil x y',
    'clone -qu evil x y',
    'clone --template=evil x y',
    'init --template=evil',
    'fetch --upload-pack=evil origin',
    'ls-remote --upload-pack evil x',
    'ls-remote --exec=evil x',
    'push --receive-pack=evil origin',
    'push --rec evil origin',
    'push --exec evil origin',
    'archive --remote=x --exec=evil HEAD',
    'rebase --exec evil main',
    'rebase --ex evil main',
    'rebase -x evil main',
    'rebase -ix evil main',
    'grep --open-files-in-pager=evil x',
    'grep --open=evil x',
    'grep -Oevil x',
    'grep -nO x',
    'diff --ext-diff',
    'log -p --textconv',
    'difftool -x evil',
    'difftool --extcmd=evil',
    'difftool',
    'mergetool',
    // Transports that are programs.
    'clone ext::evil dir',
    'clone EXT::evil dir',
    'clone fd::7 dir',
    'remote add x ext::evil',
    'fetch ext::evil',
    'archive --remote=ext::evil HEAD',
    // Subcommands that run a given program.
    'bisect run evil',
    'submodule foreach evil',
    'submodule --quiet foreach evil',
    '-C sub submodule foreach evil',
    'filter-branch --tree-filter evil',
    'daemon',
    'send-email x',
    'instaweb',
    'shell',
    'upload-pack x',
    'remote-ext x y',
    'maintenance start',
    'maintenance register',
    'bisect visualize',
    'bisect replay evil',
    'submodule -- foreach evil',
    'submodule--helper foreach evil',
    'hook run evil',
    'fast-import',
    'credential fill',
    'gui',
    'status-alias',
    // Other transports, and hosts that are options.
    'clone evil::x',
    'clone evil://x',
    'clone ssh://-oProxyCommand=evil/x',
    'clone ssh://git@-oProxyCommand=evil/x',
    'push --repo=ext::evil',
    'remote set-url origin ext::evil',
    'submodule add ext::evil x',
    // Strategies are programs.
    'merge -s evil x',
    'merge --strategy=evil x',
    'rebase -sevil x',
    'cherry-pick --strategy evil x',
    // Files elsewhere, and files that determine what git runs.
    '-C / status',
    '-C ../other status',
    '-C .git status',
    '-C/ status',
    '--git-dir=/x status',
    '--work-tree=/ status',
    '--bare status',
    'diff --no-index /etc/passwd x',
    'diff /etc/passwd x',
    'diff -- ../x y',
    'grep --no-index root /etc/passwd',
    'blame --contents=/etc/passwd x',
    'commit -F /etc/passwd',
    'commit -aF../secret',
    'commit --template=/etc/passwd',
    'tag -F /etc/passwd x',
    'add --pathspec-from-file=/etc/passwd',
    'hash-object -w /etc/passwd',
    'archive --add-file=/etc/passwd HEAD',
    'log --output=/tmp/x',
    'log --output=.git/hooks/pre-commit',
    'diff --output .GIT/config',
    'archive -o sub/../.git/x HEAD',
    'format-patch -o/tmp x',
    'apply --unsafe-paths x',
    'apply ../x.patch',
    'archive --remote=x HEAD',
    'clone --separate-git-dir=/x y',
    'init --separate-git-dir x',
    // Settings that a later command would run.
    'config core.sshCommand evil',
    'config --global alias.x !evil',
    'config set alias.x !evil',
    'config -e',
    'config --edit',
    'config edit',
    'config --rename-section color core',
    'config rename-section color core',
    'config --remove-section safe',
    'config --unset core.hooksPath',
    'config --add url.https://x/.insteadOf y',
    'config --replace-all include.path x',
    'config --type path core.editor evil',
    'config http.proxy x',
    'config user.name --file x',
  ])('refuses git %s', (line) => {
    expect(refusal(words(line))).toEqual(expect.any(String));
  });

  it.each([
    'config --file user.name alias.x !evil',
    'config -f user.name core.pager evil',
    'config set --comment user.name alias.x !evil',
  ])('is not misled by a harmless first name: git %s', (line) => {
    expect(refusal(words(line))).toEqual(expect.any(String));
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'does not treat properties of every object as a subcommand or option: %s',
    (name) => {
      expect(refusal([name])).toContain('is not allowed; allowed are add ');
      expect(refusal(['log', `--${name}`])).toContain('is not allowed');
      expect(refusal(['stash', name])).toContain('is not allowed; allowed are apply ');
    },
  );

  it('reports the error and what is allowed, with little of the input', () => {
    expect(refusal(['-c', 'core.pager=secret', 'log'])).toBe(
      'the setting "core.pager" is not among those that may be set',
    );
    expect(refusal(['write-tree', '--upload-p', 'secret'])).toBe(
      '"--upload-p" of "git write-tree" is not allowed; allowed are --missing-ok --prefix',
    );
    expect(refusal(['log', '--onelin'])).toBe('"--onelin" must be written in full: "--oneline"');
    expect(refusal(['log', '-n', '-5'])).toBe('the value of -n begins with "-": write it as "-n…"');
    expect(refusal(['merge', '-s', 'evil', 'x'])).toContain('takes one of ort, recursive');
    for (const args of [
      ['clone', `ext::${'x'.repeat(1000)}`],
      ['stash', 'x'.repeat(1000)],
      ['mv', `../${'x'.repeat(1000)}`],
    ])
      expect(refusal(args)!.length).toBeLessThan(200);
  });

  it.each(['/workspace', '/workspace/', '/workspace/a/b', 'a', './a', 'a//b/'])('runs in %s', (cwd) => {
    expect(refusal(['status'], {}, cwd)).toBeNull();
  });
  it.each([
    '.git',
    'a/.git/hooks',
    '/workspace/.git',
    '/workspace/.GIT/x',
    '..',
    'a/..',
    '/',
    '/workspaces',
    '/workspace/../x',
    '/tmp',
  ])('does not run in %s', (cwd) => expect(refusal(['status'], {}, cwd)).toContain('"cwd"'));

  describe('in the environment', () => {
    it.each([
      'GIT_SSH_COMMAND GIT_SSH GIT_ASKPASS SSH_ASKPASS SSH_ASKPASS_REQUIRE GIT_EDITOR GIT_SEQUENCE_EDITOR EDITOR VISUAL',
      'GIT_PAGER PAGER LESSOPEN BROWSER GIT_EXTERNAL_DIFF GIT_PROXY_COMMAND GIT_EXEC_PATH GIT_TEMPLATE_DIR GIT_DIR',
      'GIT_WORK_TREE GIT_COMMON_DIR GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_CONFIG',
      'GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 GIT_CONFIG_PARAMETERS GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM',
      'GIT_ALLOW_PROTOCOL GIT_TRACE_REDACT GIT_CONFIG_NOSYSTEM GIT_PROTOCOL_FROM_USER GIT_ATTR_SOURCE GIT_SSL_NO_VERIFY GIT_SOMETHING_NEW GIT_',
      'PATH HOME XDG_CONFIG_HOME LD_PRELOAD LD_LIBRARY_PATH BASH_ENV ENV BASH_FUNC_git%% PERL5OPT PYTHONPATH NODE_OPTIONS',
      'MANOPT MANPATH MANPAGER GROFF_BIN_PATH GROFF_FONT_PATH LOCPATH http_proxy ALL_PROXY ANYTHING',
    ])('refuses any of %s', (names) => {
      for (const name of names.split(' ')) expect(refusal(['status'], { [name]: 'x' })).toContain(name);
    });

    it('refuses a trace to a file', () => {
      for (const name of ['GIT_TRACE', 'GIT_TRACE_PACKET', 'GIT_TRACE2', 'GIT_TRACE2_EVENT'])
        expect([refusal(['status'], { [name]: '/tmp/x' }), refusal(['status'], { [name]: '1' })]).toEqual([
          expect.stringContaining(name),
          null,
        ]);
    });

    it('allows variables that identify the committer, and ones that git does not use', () => {
      const env = {
        GIT_AUTHOR_NAME: 'a',
        GIT_COMMITTER_DATE: 'b',
        LANG: 'C',
        HUSKY: '0',
        https_proxy: 'http://p',
        CI: '1',
      };
      expect(refusal(['commit'], env)).toBeNull();
    });
  });

  /** Git's options for running programs, for reading and writing files by name, and for asking at a terminal. */
  const DANGEROUS: Readonly<Record<string, string>> = {
    add: '-p -i -e --patch --interactive --edit',
    am: '-i --interactive --directory',
    annotate: '--ext-diff --textconv --output',
    apply: '--build-fake-ancestor --unsafe-paths --directory',
    archive: '-o --output --remote --exec --add-file',
    blame: '--ext-diff --textconv --output',
    'cat-file': '--textconv --filters',
    checkout: '-p --patch',
    clone:
      '-u -l -s --upload-pack --template --reference --reference-if-able --separate-git-dir --bundle-uri --local --shared',
    commit: '-p --patch --interactive',
    config: '-e -f --edit --file --blob --rename-section --remove-section --get-color',
    diff: '-O --output --ext-diff --textconv --no-index',
    'diff-files': '-O --output --ext-diff --textconv',
    'diff-index': '-O --output --ext-diff --textconv',
    'diff-tree': '-O --output --ext-diff --textconv',
    fetch: '--upload-pack --submodule-prefix --negotiate-only',
    'format-patch': '-o -O --output-directory --output --signature-file --suffix --ext-diff --textconv',
    fsck: '--lost-found',
    gc: '--expire-to --detach',
    grep: '-O --open-files-in-pager --no-index --textconv --ext-grep',
    'hash-object': '--stdin-paths',
    init: '--template --separate-git-dir',
    log: '-O --output --ext-diff --textconv',
    'ls-remote': '--upload-pack --exec',
    'merge-tree': '--stdin',
    pull: '--upload-pack',
    push: '--receive-pack --exec --signed',
    'range-diff': '-O --output --ext-diff --textconv',
    rebase: '-x --exec',
    reflog: '-O --output --ext-diff --textconv',
    repack: '--expire-to --filter-to',
    reset: '-p --patch',
    restore: '-p --patch',
    'rev-parse': '--parseopt --git-path --resolve-git-dir --prefix',
    shortlog: '--output',
    show: '-O --output --ext-diff --textconv',
    stash: '-p --patch',
    'stash list': '-O --output --ext-diff --textconv',
    'stash push': '-p --patch',
    'stash show': '-O --output --ext-diff --textconv',
    'submodule add': '--reference',
    'submodule update': '--reference',
    'update-index': '--index-info --stdin --cacheinfo --fsmonitor --index-version',
    'update-ref': '--stdin',
    whatchanged: '-O --output --ext-diff --textconv',
  };

  it.each(Object.entries(DANGEROUS))('git %s accepts none of %s, however written', (name, options) => {
    const of = ([first = '', ...more]: string[]): Subcommand =>
      more.reduce((subcommand, verb) => subcommand.verbs.get(verb)!, SUBCOMMANDS.get(first)!);
    const allowed = of(words(name)).options;
    const written = words(options).flatMap((option) =>
      option.startsWith('--')
        ? Array.from({ length: option.length - 2 }, (_, index) => option.slice(0, index + 3))
            .filter((text) => !allowed.has(text))
            .flatMap((text) => [[text], [`${text}=x`], [text, 'x']])
        : [[option], [`${option}x`], [option, 'x'], [`-q${option.slice(1)}`, 'x'], [`-vq${option.slice(1)}x`]],
    );
    const positions = written.flatMap((args) => [args, ['x', ...args], ['x', ...args, '--', 'y']]);
    expect(positions.filter((args) => refusal([...words(name), ...args]) === null)).toEqual([]);
  });

  it.each([
    'bisect run',
    'bisect view',
    'bisect visualize',
    'bisect replay',
    'submodule foreach',
    'maintenance start',
    'maintenance register',
    'worktree repair',
    ...words(
      'help difftool mergetool filter-branch bundle daemon instaweb gui send-email fast-import fast-export credential hook shell upload-pack receive-pack upload-archive remote-ext remote-fd submodule--helper interpret-trailers bugreport diagnose checkout-index read-tree unpack-file merge-file merge-index mailsplit mailinfo index-pack unpack-objects multi-pack-index commit-graph scalar svn p4 cvsserver imap-send request-pull for-each-repo var web--browse difftool--helper sh-setup citool gitk archimport quiltimport http-backend lfs',
    ),
  ])('git %s is not an allowed subcommand', (line) => {
    expect(refusal([...words(line), 'x'])).toContain('is not allowed');
    expect(Object.keys(COMMANDS)).not.toContain(line);
  });

  it.each(
    words(
      '-C -c --config-env --git-dir --work-tree --exec-path --namespace --super-prefix --bare --attr-source -p --paginate',
    ),
  )('refuses the global option %s before any subcommand', (option) => {
    const written = [
      [`${option}=core.pager=x`],
      [`${option}core.pager=x`],
      ...(option === '--exec-path' ? [] : [[option, '/core.pager=x']]),
    ];
    const fronts = [[], ['--no-pager'], ['-c', 'user.name=x'], ['-C', 'sub']];
    const tries = fronts.flatMap((front) => written.map((args) => [...front, ...args, 'status']));
    expect(tries.filter((args) => refusal(args) === null)).toEqual([]);
  });
});
