import { matchesGlob } from '@app/kernel';
import {
  type CommandRules,
  type CommandSpec,
  type CommandType,
  isGuarded,
  programOf,
  type Rejection,
  type RulesSubject,
  type Work,
} from '@app/commands';
import { isHarmlessVariable } from './git/environment.js';
import { gitRefusal } from './git/git-refusal.js';
import { gitTexts } from './git/git-texts.js';

/** Matches commands that meet all its conditions, where a condition needs one matching glob. Null: no condition. */
export interface PolicyRule {
  readonly action: 'allow' | 'deny';
  readonly types: readonly CommandType[] | null;
  readonly projects: readonly string[] | null;
  readonly keys: readonly string[] | null;
  /** Globs for the requested container; a request without one never matches. */
  readonly containers: readonly string[] | null;
  /**
   * Globs for the program as requested; a `deny` also matches its name without the directory. "git" for the type git.
   * Scripts have no program and never match.
   */
  readonly programs: readonly string[] | null;
  /** Globs for program and arguments, separated by single spaces. Scripts never match. */
  readonly argv: readonly string[] | null;
  /** Globs for the whole script. */
  readonly scripts: readonly string[] | null;
  /** Globs for the variables, in addition to harmless ones, that a request may set if `programs` or `argv` allow it. */
  readonly env: readonly string[] | null;
  readonly reason: string | null;
}

interface Candidate {
  readonly projectId: string;
  readonly keyId: string | null;
  readonly spec: Pick<CommandSpec, 'work' | 'container'>;
}

/**
 * Ordered rules: the first match decides, and without a match a command is allowed. A `deny` is matched broadly, an
 * `allow` narrowly. This is only a guard-rail: a script can do things that its text does not show.
 */
export class CommandPolicy implements CommandRules {
  constructor(private readonly rules: readonly PolicyRule[] = []) {}

  /** Null if it may run. */
  rejection(subject: RulesSubject): Rejection | null {
    const facts = factsOf(subject, this.guardsGit(subject));
    const index = this.rules.findIndex((rule) => applies(rule, facts));
    const rule = this.rules[index];
    if (rule?.action === 'deny') {
      return { by: 'policy', rule: index + 1, reason: rule.reason ?? 'the policy of this server denies it' };
    }
    const reason = this.gitReason(facts, rule);
    return reason === null ? null : { by: 'git', rule: null, reason };
  }

  /**
   * Whether the git guard-rail applies: to the type git, and to `exec` of git if a rule mentions git. For a key that no
   * longer exists, it applies if it would for any key.
   */
  guardsGit(subject: Candidate): boolean {
    const { work } = subject.spec;
    if (isGuarded(work)) return true;
    const isGit = /^git(-|$)/.test(nameOf(argvOf(work)[0]));
    return isGit && this.rules.some((rule) => isFor(rule, subject) && mentionsGit(rule));
  }

  private gitReason({ subject, program, gitArgs, isGuarded }: Facts, rule: PolicyRule | undefined): string | null {
    if (!isGuarded || gitArgs === null) return null;
    const name = nameOf(program);
    if (name !== 'git') {
      const isNamed = rule?.programs?.some((glob) => glob !== '*') === true;
      return isNamed ? null : `"${name.slice(0, 40)}" is run as "git ${name.slice(4, 40)}" only`;
    }
    const { spec, directory } = subject;
    return gitRefusal({ args: gitArgs, env: spec.env, cwd: spec.cwd, directory });
  }
}

/** What rules are matched against. */
interface Facts {
  readonly subject: RulesSubject;
  readonly program: string | undefined;
  readonly gitArgs: readonly string[] | null;
  /** For `allow`: program and arguments, and for git also without its global options. */
  readonly plain: readonly string[];
  /** For `deny`: the same, and what git makes of them. */
  readonly texts: readonly string[];
  /** Whether the git guard-rail decides on arguments and variables. */
  readonly isGuarded: boolean;
}

function factsOf(subject: RulesSubject, isGuarded: boolean): Facts {
  const argv = argvOf(subject.spec.work);
  const gitArgs = gitArgsOf(argv);
  const git = gitArgs === null ? null : gitTexts(gitArgs, subject.directory);
  const forms = [argv, ...(git === null ? [] : [git.plain, ...git.normal])].filter((words) => words.length > 0);
  return {
    subject,
    program: argv[0],
    gitArgs,
    plain: forms.slice(0, isGuarded ? 2 : 1).map((words) => words.map(quoted).join(' ')),
    texts: forms.map((words) => words.join(' ')),
    isGuarded,
  };
}

/** Distinguishes a space within an argument from a separator. */
function quoted(word: string): string {
  return /\s|^$/.test(word) ? JSON.stringify(word) : word;
}

/** `git-push` in git's exec path is `git push`. */
function gitArgsOf([program, ...args]: readonly string[]): readonly string[] | null {
  const name = nameOf(program);
  if (name === 'git') return args;
  return name.startsWith('git-') ? [name.slice('git-'.length), ...args] : null;
}

function nameOf(program = ''): string {
  return program.split('/').at(-1) ?? '';
}

function argvOf(work: Work): readonly string[] {
  const program = programOf(work);
  return 'argv' in program ? program.argv : [];
}

function scriptsOf(work: Work): readonly string[] {
  const program = programOf(work);
  return 'script' in program ? [program.script] : [];
}

function applies(rule: PolicyRule, facts: Facts): boolean {
  return (
    isFor(rule, facts.subject) &&
    (rule.action === 'deny' ? isDenied(rule, facts) : isAllowed(rule, facts)) &&
    matchesAny(rule.scripts, scriptsOf(facts.subject.spec.work))
  );
}

function isFor({ types, projects, keys, containers }: PolicyRule, { projectId, keyId, spec }: Candidate): boolean {
  return (
    (types?.includes(spec.work.type) ?? true) &&
    matchesAny(projects, [projectId]) &&
    matchesAny(containers, spec.container ? [spec.container] : []) &&
    (keyId === null || matchesAny(keys, [keyId]))
  );
}

/** Matches any spelling: `/usr/bin/git` matches `git`, and for git its effect is matched too. */
function isDenied({ programs, argv }: PolicyRule, { program, texts }: Facts): boolean {
  const names = program === undefined ? [] : [program, nameOf(program)];
  return matchesAny(programs, names) && matchesAny(argv, [...texts, ...texts.map((text) => `${text} `)]);
}

/** Matches only the exact program, and only if the request sets no variable that could change what it does. */
function isAllowed(rule: PolicyRule, { program, plain, subject, isGuarded }: Facts): boolean {
  return (
    matchesAny(rule.programs, program === undefined ? [] : [program]) &&
    matchesAny(rule.argv, plain) &&
    (isGuarded ||
      !restrictsPrograms(rule) ||
      Object.entries(subject.spec.env).every((entry) => mayBeSet(rule, ...entry)))
  );
}

/** If any program is allowed, variables add nothing. */
function restrictsPrograms({ programs, argv }: PolicyRule): boolean {
  return [programs, argv].some((globs) => globs !== null && !globs.includes('*'));
}

function mayBeSet({ env }: PolicyRule, name: string, value: string): boolean {
  return isHarmlessVariable(name, value) || (env !== null && matchesAny(env, [name]));
}

/** Whether the rule distinguishes git from other programs. */
function mentionsGit({ programs, argv }: PolicyRule): boolean {
  const names = [...(programs ?? []), ...(argv ?? []).map((glob) => glob.split(' ', 1)[0] ?? '')];
  return names.some((glob) => !/^\*+$/.test(glob) && matchesGlob(nameOf(glob), 'git'));
}

function matchesAny(globs: readonly string[] | null, texts: readonly string[]): boolean {
  return globs === null || texts.some((text) => globs.some((glob) => matchesGlob(glob, text)));
}
