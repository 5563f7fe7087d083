import { CommandRejected, checkGitArguments } from './git-policy.js';

const words = (line: string): string[] => line.split(' ');

describe('checkGitArguments', () => {
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
  ])('allows git %s', (line) => {
    expect(() => checkGitArguments(words(line))).not.toThrow();
  });

  it('allows no arguments at all', () => {
    expect(() => checkGitArguments([])).not.toThrow();
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
    'am --to-command=evil',
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
    // What a later command would run.
    'config core.sshCommand evil',
    'config --global alias.x !evil',
    'config set alias.x !evil',
    'config -e',
    'config --edit',
  ])('refuses git %s', (line) => {
    expect(() => checkGitArguments(words(line))).toThrow(CommandRejected);
  });

  it.each([
    'config --file user.name alias.x !evil',
    'config -f user.name core.pager evil',
    'config set --comment user.name alias.x !evil',
  ])('is not misled by a harmless name in front: git %s', (line) => {
    expect(() => checkGitArguments(words(line))).toThrow(CommandRejected);
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'knows no subcommand by the name of what every object has: %s',
    (name) => {
      expect(() => checkGitArguments([name])).not.toThrow();
      expect(() => checkGitArguments([name, 'x'])).not.toThrow();
    },
  );

  it('names what is at fault, but never much of it', () => {
    expect(() => checkGitArguments(['-c', 'core.pager=secret', 'log'])).toThrow(
      'the setting "core.pager" may run a program',
    );
    const thrown = ((): Error => {
      try {
        checkGitArguments([`ext::${'x'.repeat(1000)}`]);
      } catch (error) {
        return error as Error;
      }
      throw new Error('not refused');
    })();
    expect(thrown.message.length).toBeLessThan(200);
  });
});
