import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SUBCOMMANDS, type Subcommand } from './commands.js';
import type { Option } from './options.js';

const NONE = '--rdev-no-such-option';
const AT_A_TIME = 4;
const COMPLAINT = /(unknown (option|switch|argument)|unrecognized argument|invalid option|ambiguous option)[^\n]*/;

interface Case {
  readonly command: readonly string[];
  readonly written: string;
  readonly option: Option;
}

/**
 * Scripts, and verbs of later releases, report unknown options without naming them. These were compared with the
 * manual.
 */
const SILENT =
  /^((bisect|config|sparse-checkout|submodule) .*|cherry-pick|revert|diff-files|diff-index|diff-tree|rev-list|rev-parse|stash store|submodule)$/;
/** These report another error first. */
const OTHER_ERROR = [
  'diff --cached',
  'diff --staged',
  'diff --merge-base',
  'log --combined-all-paths',
  'log --follow',
  'log --merge',
];

const takesNext = ({ kind }: Option): boolean => !['flag', 'optional'].includes(kind);

/** Searches git's list for shell completion, `--depth=` for options with a value, and its usage, `-q, --quiet`. */
function isKnown({ written, option }: Case, completions: ReadonlySet<string>, usage: string): boolean {
  const { name } = option;
  const isLong = completions.has(`${name}=`) ? takesNext(option) : completions.has(name) && !takesNext(option);
  return isLong && (written === name || usage.replaceAll('[no-]', '').includes(` ${written}, ${name}`));
}

/** Options shared by many commands are tested with one of them. */
const SHARED = SUBCOMMANDS.get('log')!.options;

function casesOf(command: readonly string[], { options, verbs, shows }: Subcommand): Case[] {
  const isShared = (shows || command[0] === 'rev-list') && command[0] !== 'log';
  const own = [...options].filter(([written, { kind }]) => !isShared || SHARED.get(written)?.kind !== kind);
  const cases = own.map(([written, option]) => ({ command, written: written.replace('#', '5'), option }));
  return [...cases, ...[...verbs].flatMap(([verb, more]) => casesOf([...command, verb], more))];
}

/** An option that git parses differently than rdev does would hide the one after it. */
describe('the table of options, compared with the installed git', () => {
  const repository = mkdtempSync(join(tmpdir(), 'rdev-git-table-'));
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: repository,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_EDITOR: ':',
    LC_ALL: 'C',
  };

  beforeAll(() => {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: repository, env, stdio: 'ignore' });
    git('init', '-q', '-b', 'main');
    writeFileSync(join(repository, 'file'), 'one');
    git('add', '.');
    git('-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '-qm', 'one');
  });
  afterAll(() => rmSync(repository, { recursive: true, force: true }));

  const run = (args: readonly string[]): Promise<{ stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      const child = execFile('git', args, { cwd: repository, env, timeout: 10_000 }, (_error, stdout, stderr) => {
        resolve({ stdout, stderr });
      });
      child.stdin?.end();
    });
  const each = async <T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
    const left = [...items];
    const worker = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) await work(next);
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  };

  const completions = async (command: readonly string[]): Promise<Set<string>> => {
    const { stdout } = await run([...command, '--git-completion-helper-all']);
    return new Set(stdout.split(/\s+/));
  };
  /** Appends an option that does not exist. Null: git parses the options as the table says. */
  const difference = async ({ command, written, option }: Case): Promise<string | null> => {
    const what = `git ${command.join(' ')} ${written}`;
    const { stderr } = await run([...command, written, NONE]);
    const complaint = COMPLAINT.exec(stderr)?.[0];
    const isSeparate = complaint?.includes(NONE.slice(2)) === true;
    if (complaint !== undefined && !isSeparate) return option.kind === 'optional' ? null : `${what}: ${complaint}`;
    return takesNext(option) === isSeparate ? `${what} is ${option.kind}: ${stderr.split('\n', 1).join()}` : null;
  };

  it('contains only options that git has, with values as git takes them', async () => {
    const groups = Map.groupBy(
      [...SUBCOMMANDS].flatMap(([name, subcommand]) => casesOf([name], subcommand)),
      ({ command }) => command.join(' '),
    );
    const differences: string[] = [];
    const probes: Case[] = [];
    await each([...groups], async ([name, cases]) => {
      if (SILENT.test(name)) return;
      const { command } = cases[0]!;
      const [known, { stdout: usage }] = await Promise.all([completions(command), run([...command, '-h'])]);
      probes.push(
        ...cases.filter((each) => !isKnown(each, known, usage) && !OTHER_ERROR.includes(`${name} ${each.written}`)),
      );
    });
    await each(probes, async (probe) => {
      const text = await difference(probe);
      if (text !== null) differences.push(text);
    });
    expect(differences.sort()).toEqual([]);
  }, 180_000);
});
