import { gitRefusal } from './git-policy.js';
import { COMMON_OPTIONS, SUBCOMMANDS, WHOLE_NAMES } from './git-rules.js';

const words = (line: string): string[] => line.split(' ');

describe('gitRefusal', () => {
  it.each([
    'status',
    'status --short --branch',
    'add -A',
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
    'config --global user.email me@example.com',
    'config --get user.name',
    'config --list',
    '-c user.name=x -c user.email=x@example.com commit -m x',
    '-c color.ui=always status',
    '-C sub status',
    'grep -n text',
    'ls-files --others --exclude-standard',
    'remote add up https://example.com/a.git',
    'log --grep ext:',
    '--version',
    'help status',
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
    'worktree add ../other topic',
    'format-patch -o patches -3',
    'archive -o out.tar.gz HEAD',
    'apply --index fix.patch',
    'clone -c user.name=x https://example.com/a.git',
    'clone --filter=blob:none ssh://git@example.com:22/a.git',
    'clone file:///srv/a.git dir',
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
    expect(gitRefusal(words(line))).toBeNull();
  });

  it('allows no arguments at all', () => {
    expect(gitRefusal([])).toBeNull();
  });

  it.each([
    // Settings that run programs, in every form in which git takes them.
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
    // Options that name a program, whole and shortened.
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
    // Subcommands that run what they are told.
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
    // Other transports and hosts that are options.
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
    // Files elsewhere, and those that say what git runs.
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
    // What a later command would run.
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
    expect(gitRefusal(words(line))).toEqual(expect.any(String));
  });

  it.each([
    'config --file user.name alias.x !evil',
    'config -f user.name core.pager evil',
    'config set --comment user.name alias.x !evil',
  ])('is not misled by a harmless name in front: git %s', (line) => {
    expect(gitRefusal(words(line))).toEqual(expect.any(String));
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'knows no subcommand by the name of what every object has: %s',
    (name) => {
      expect(gitRefusal([name])).toContain('not one of the subcommands');
      expect(gitRefusal(['log', `--${name}`, `-${name}`])).toBeNull();
    },
  );

  it('names what is at fault, but never much of it', () => {
    expect(gitRefusal(['-c', 'core.pager=secret', 'log'])).toBe('the setting "core.pager" may make git run a program');
    expect(gitRefusal(['fetch', '--upload-p', 'secret'])).toBe('--upload-pack makes git run a program');
    for (const args of [['clone', `ext::${'x'.repeat(1000)}`], ['x'.repeat(1000)], [`--${'x'.repeat(1000)}`]])
      expect(gitRefusal(args)!.length).toBeLessThan(200);
  });

  describe('in the environment', () => {
    it.each([
      'GIT_SSH_COMMAND GIT_SSH GIT_ASKPASS SSH_ASKPASS SSH_ASKPASS_REQUIRE GIT_EDITOR GIT_SEQUENCE_EDITOR EDITOR VISUAL',
      'GIT_PAGER PAGER LESSOPEN BROWSER GIT_EXTERNAL_DIFF GIT_PROXY_COMMAND GIT_EXEC_PATH GIT_TEMPLATE_DIR GIT_DIR',
      'GIT_WORK_TREE GIT_COMMON_DIR GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_CONFIG',
      'GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 GIT_CONFIG_PARAMETERS GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM',
      'GIT_ALLOW_PROTOCOL GIT_PROTOCOL_FROM_USER GIT_ATTR_SOURCE GIT_SSL_NO_VERIFY GIT_SOMETHING_NEW GIT_',
      'PATH HOME XDG_CONFIG_HOME LD_PRELOAD LD_LIBRARY_PATH BASH_ENV ENV BASH_FUNC_git%% PERL5OPT PYTHONPATH NODE_OPTIONS',
    ])('refuses any of %s', (names) => {
      for (const name of names.split(' ')) expect(gitRefusal(['status'], { [name]: 'x' })).toContain(name);
    });

    it('refuses a trace that is written to a file', () => {
      for (const name of ['GIT_TRACE', 'GIT_TRACE_PACKET', 'GIT_TRACE2', 'GIT_TRACE2_EVENT'])
        expect([gitRefusal(['status'], { [name]: '/tmp/x' }), gitRefusal(['status'], { [name]: '1' })]).toEqual([
          expect.stringContaining(name),
          null,
        ]);
    });

    it('allows what says who commits, and what is none of git’s business', () => {
      const env = {
        GIT_AUTHOR_NAME: 'a',
        GIT_COMMITTER_DATE: 'b',
        LANG: 'C',
        HUSKY: '0',
        https_proxy: 'http://p',
        CI: '1',
      };
      expect(gitRefusal(['commit'], env)).toBeNull();
    });
  });

  /** Every way to write what has a rule, with a value that the rule refuses: all of them, not some by chance. */
  describe('whatever the spelling', () => {
    const EVIL = '/tmp/evil';
    const names = Object.keys(SUBCOMMANDS).filter((name) => name !== 'config');
    const begin = (name: string): string[] => [name, ...(SUBCOMMANDS[name]!.verbs?.slice(0, 1) ?? [])];
    const accepted = (lists: string[][]): string[][] => lists.filter((args) => gitRefusal(args) === null);
    const abbreviations = (option: string): string[] =>
      Array.from({ length: option.length - 2 }, (_, i) => option.slice(0, 3 + i)).filter(
        (text) => !WHOLE_NAMES.has(text),
      );
    /** Before and behind other arguments, and behind "--". */
    const positions = (args: string[]): string[][] => [
      args,
      ['-q', ...args],
      ['x', '--', ...args],
      [...args, 'x', 'y'],
    ];

    it.each(names)('git %s refuses each long option, abbreviated, with "=" and without, wherever it stands', (name) => {
      const options = [...Object.keys(COMMON_OPTIONS), ...Object.keys(SUBCOMMANDS[name]!.long ?? {})];
      const spelled = options.flatMap(abbreviations).flatMap((option) => [[`${option}=${EVIL}`], [option, EVIL]]);
      expect(accepted(spelled.flatMap(positions).map((args) => [...begin(name), ...args]))).toEqual([]);
    });

    it.each(names.filter((name) => SUBCOMMANDS[name]!.short !== undefined))(
      'git %s refuses each short option, bundled, with a space and without',
      (name) => {
        const spelled = Object.keys(SUBCOMMANDS[name]!.short!).flatMap((letter) => [
          [`-${letter}${EVIL}`],
          [`-${letter}`, EVIL],
          [`-q${letter}`, EVIL],
          [`-kq${letter}${EVIL}`],
        ]);
        expect(accepted(spelled.flatMap(positions).map((args) => [...begin(name), ...args]))).toEqual([]);
      },
    );

    it('git refuses its own options in front of any subcommand', () => {
      const options = '-C -c --config-env --git-dir --work-tree --exec-path --namespace --super-prefix --bare'.split(
        ' ',
      );
      const spelled = options.flatMap((option) => [
        [`${option}=core.pager=${EVIL}`],
        [`${option}${EVIL}`],
        ...(option === '--exec-path' ? [] : [[option, `${EVIL}.pager=x`]]),
      ]);
      const fronts = [[], ['--no-pager'], ['-c', 'user.name=x'], ['-C', 'sub']];
      expect(accepted(fronts.flatMap((front) => spelled.map((args) => [...front, ...args, 'status'])))).toEqual([]);
    });
  });
});
