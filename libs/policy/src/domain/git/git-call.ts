import { type OperandKind, SUBCOMMANDS, type Subcommand } from './commands.js';
import type { Kind, Option, Options } from './options.js';
import { GitRefused, shown } from './refused.js';
import { configRefusal } from './settings.js';
import { cloneDirectory, valueRefusal } from './values.js';

/** A git command line, parsed as far as its arguments are allowed. */
export interface GitCall {
  /** Null: only global options. */
  readonly subcommand: string | null;
  readonly verb: string | null;
  readonly options: readonly { readonly name: string; readonly value: string | null }[];
  readonly operands: readonly string[];
  /** The arguments after the subcommand. */
  readonly given: readonly string[];
  /** Paths that git opens, writes or enters itself, relative to its working directory. */
  readonly paths: readonly string[];
  /** Whether it may read from a repository at a path. */
  readonly readsPaths: boolean;
  /** The arguments to run: with options that keep the repository's settings from running programs. */
  readonly args: readonly string[];
}

/**
 * Global options without a value: git takes neither abbreviations nor bundles of them. Without `-h` and `--help`, which
 * run a manual viewer.
 */
const GLOBAL_FLAGS =
  /^(-v|--version|-P|--no-pager|--no-replace-objects|--no-optional-locks|--no-lazy-fetch|--no-advice|--(literal|glob|noglob|icase)-pathspecs|--exec-path|--html-path|--man-path|--info-path)$/;

/**
 * Ignores the repository's settings and attributes: `diff.external`, `diff.<driver>.command` and `.textconv` are not
 * run.
 */
const WITHOUT_PROGRAMS = ['--no-ext-diff', '--no-textconv'];
/** Overrides `remote.<name>.uploadpack`, which is run locally if the remote is a path. */
const WITH_OWN_PROGRAM = ['--upload-pack=git-upload-pack'];
/** With these, git runs itself for each remote, without that option. */
const MULTIPLE = ['--all', '--multiple'];

/**
 * @param directory the project's, absolute
 * @throws {@link GitRefused} for anything that is not known to be harmless
 */
export function parseGitCall(args: readonly string[], directory: string): GitCall {
  return new Parser(args, directory).parse();
}

/** Reads arguments in git's order, so that none is mistaken for something else. */
class Parser {
  private at = 0;
  private readonly options: { name: string; value: string | null }[] = [];
  private readonly operands: string[] = [];
  private readonly paths: string[] = [];
  private readonly added: string[] = [];
  /** The directory selected by `-C`, with a trailing slash. */
  private base = '';
  private insertAt = 0;
  private given: readonly string[] = [];
  private name = 'git';

  constructor(
    private readonly args: readonly string[],
    private readonly directory: string,
  ) {}

  parse(): GitCall {
    this.globals();
    const subcommand = this.args[this.at++];
    if (subcommand === undefined) return this.call(null, null, this.args);
    const found = SUBCOMMANDS.get(subcommand);
    if (found === undefined) throw new GitRefused(this.unknown(`git ${subcommand}`, [...SUBCOMMANDS.keys()]));
    this.name = `git ${subcommand}`;
    this.insertAt = this.at;
    this.given = this.args.slice(this.at);
    if (this.at === this.args.length - 1 && this.args[this.at] === '-h') return this.call(subcommand, null, this.args);
    const verb = this.rest(found);
    if (subcommand === 'config') this.assert(configRefusal(verb, this.optionNames, this.operands));
    const specification = verb === null ? found : (found.verbs.get(verb) ?? found);
    const { shows, fetches } = specification;
    const own = [...(shows ? WITHOUT_PROGRAMS : []), ...(fetches ? WITH_OWN_PROGRAM : [])];
    const argv = [...this.args.toSpliced(this.insertAt, 0, ...own), ...this.added];
    if (specification.deletes && this.deletesFiles()) argv.unshift('--literal-pathspecs');
    const readsPaths = fetches && !MULTIPLE.some((name) => this.optionNames.includes(name));
    return { ...this.call(found.sameAs ?? subcommand, verb, argv), readsPaths };
  }

  private call(subcommand: string | null, verb: string | null, args: readonly string[]): GitCall {
    const { options, operands, paths, given } = this;
    return { subcommand, verb, options, operands, given, paths, readsPaths: false, args };
  }

  private globals(): void {
    for (; this.args[this.at]?.startsWith('-'); this.at++) {
      const option = this.args[this.at] ?? '';
      if (GLOBAL_FLAGS.test(option)) continue;
      const value = this.args[++this.at] ?? '';
      if (option !== '-C' && option !== '-c')
        throw new GitRefused(`${shown(option)} is no option of git itself that is allowed`);
      if (option === '-c') this.setting(value);
      else this.enter(value);
    }
  }

  private setting(value: string): void {
    const name = value.split('=', 1)[0] ?? '';
    if (valueRefusal('setting', value, this.directory) !== null)
      throw new GitRefused(`the setting ${shown(name)} is not among those that may be set`);
  }

  private enter(directory: string): void {
    this.check('-C', 'path', directory);
    if (directory !== '') this.base = `${this.within(directory)}/`;
  }

  /** Returns the verb, if the subcommand has one. */
  private rest(specification: Subcommand): string | null {
    for (; this.at < this.args.length; this.at++) {
      const argument = this.args[this.at] ?? '';
      if (argument === '--') {
        this.afterDashes(specification);
        break;
      }
      if (/^-./.test(argument)) this.option(specification, argument);
      else {
        const verb = this.verb(specification, argument);
        if (verb !== null) return verb;
        this.operands.push(argument);
      }
    }
    this.checkWhole(specification);
    return null;
  }

  private afterDashes({ verbs }: Subcommand): void {
    if (verbs.size > 0) throw new GitRefused(`${shown(this.name)} is allowed without a leading "--"`);
    const operands = this.args.slice(this.at + 1);
    const optionLike = operands.find((operand) => /^-./.test(operand));
    // Some subcommands pass them to another git without the dashes.
    if (optionLike !== undefined)
      throw new GitRefused(`${shown(optionLike)} could be taken for an option: write a path as "./-…"`);
    this.operands.push(...operands);
  }

  /** Reads everything after the verb, if it is one. */
  private verb({ verbs, isOpen }: Subcommand, name: string): string | null {
    if (verbs.size === 0 || this.operands.length > 0) return null;
    const found = verbs.get(name);
    if (found === undefined) {
      if (isOpen) return null;
      throw new GitRefused(this.unknown(`${this.name} ${name}`, [...verbs.keys()]));
    }
    this.name = `${this.name} ${name}`;
    this.insertAt = ++this.at;
    this.rest(found);
    return name;
  }

  private checkWhole(specification: Subcommand): void {
    const { requires } = specification;
    if (requires !== null && !this.optionNames.includes(requires))
      throw new GitRefused(`${shown(this.name)} is allowed only with ${requires}`);
    for (const [index, operand] of this.operands.entries())
      this.check(shown(operand), this.kindOf(specification, index), operand);
    if (specification.guesses && this.operands.length === 1) this.nameDirectory(this.operands[0] ?? '');
  }

  /** Git would derive it from the source, which can be anything. */
  private nameDirectory(source: string): void {
    const name = cloneDirectory(
      source,
      ['--bare', '--mirror'].some((option) => this.optionNames.includes(option)),
    );
    if (name === null) throw new GitRefused(`${shown(this.name)} needs a directory after ${shown(source)}`);
    this.check('the directory', 'path', name);
    this.added.push(name);
  }

  /** If so, each operand must be a single file, so that its directories can be checked. */
  private deletesFiles(): boolean {
    if (this.optionNames.includes('--cached')) return false;
    const many = ['-r', '--pathspec-from-file'].find((name) => this.optionNames.includes(name));
    if (many !== undefined)
      throw new GitRefused(`${shown(this.name)} takes ${many} only with --cached; name single files`);
    for (const file of this.operands) this.paths.push(this.within(file.slice(0, file.lastIndexOf('/') + 1)));
    return true;
  }

  private kindOf({ operands }: Subcommand, index: number): OperandKind {
    return operands[Math.min(index, operands.length - 1)] ?? 'any';
  }

  private option(specification: Subcommand, argument: string): void {
    if (specification.stops && this.operands.length > 0)
      throw new GitRefused(`${shown(this.name)} takes no options after the first operand, such as ${shown(argument)}`);
    if (argument.startsWith('--')) this.long(specification.options, argument);
    else this.short(specification.options, argument);
  }

  private long(options: Options, argument: string): void {
    const equals = argument.indexOf('=');
    const name = equals < 0 ? argument : argument.slice(0, equals);
    const option = options.get(name);
    if (option === undefined) throw new GitRefused(this.unknownOption(options, name));
    this.take(option, name, equals < 0 ? null : argument.slice(equals + 1));
  }

  /** Git allows bundles of them, and a value without a space. */
  private short(options: Options, argument: string): void {
    if (/^-\d+$/.test(argument) && options.has('-#')) {
      this.options.push({ name: argument, value: null });
      return;
    }
    for (let at = 1; at < argument.length; at++) {
      const letter = `-${argument.charAt(at)}`;
      const option = options.get(letter);
      if (option === undefined) throw new GitRefused(this.unknownOption(options, letter));
      const attached = argument.slice(at + 1);
      if (option.kind === 'flag') this.take(option, letter, null);
      else {
        this.take(option, letter, attached === '' ? null : attached);
        return;
      }
    }
  }

  private take({ name, kind }: Option, written: string, attached: string | null): void {
    if (kind === 'flag' && attached !== null) throw new GitRefused(`${written} of ${shown(this.name)} takes no value`);
    const value = attached ?? (kind === 'flag' || kind === 'optional' ? null : this.next(kind, written));
    if (value !== null) this.check(`${written} of ${shown(this.name)}`, kind, value);
    this.options.push({ name, value });
  }

  /** A value that looks like an option could be one to a git release that parses the previous option differently. */
  private next(kind: Kind, written: string): string | null {
    const value = this.args[this.at + 1];
    if (value === undefined) return null;
    if (kind !== 'text' && /^-./.test(value)) {
      const form = written.startsWith('--') ? `${written}=…` : `${written}…`;
      throw new GitRefused(`the value of ${written} begins with "-": write it as "${form}"`);
    }
    this.at++;
    return value;
  }

  private check(what: string, kind: Kind | OperandKind, value: string): void {
    if (value === '-' && (kind === 'file' || kind === 'input')) return; // stdin
    const refusal = valueRefusal(kind, value, this.directory);
    if (refusal !== null) throw new GitRefused(`${what} ${refusal}`);
    if (kind === 'path' || kind === 'file' || kind === 'input') this.paths.push(this.within(value));
  }

  /** Relative to git's initial working directory, unless absolute. */
  private within(path: string): string {
    return path.startsWith('/') ? path : this.base + path;
  }

  private assert(refusal: string | null): void {
    if (refusal !== null) throw new GitRefused(refusal);
  }

  private get optionNames(): string[] {
    return this.options.map(({ name }) => name);
  }

  private unknownOption(options: Options, name: string): string {
    const names = [...options.keys()];
    const whole = name.length > 2 ? names.filter((option) => option.startsWith(name)) : [];
    const [only] = whole;
    if (whole.length === 1 && only !== undefined) return `${shown(name)} must be written in full: "${only}"`;
    return this.unknown(`${name}" of "${this.name}`, [...new Set([...options.values()].map((option) => option.name))]);
  }

  private unknown(what: string, allowed: readonly string[]): string {
    const list = allowed.length === 0 ? 'none is' : `allowed are ${allowed.join(' ')}`;
    return `"${what.length > 60 ? `${what.slice(0, 60)}…` : what}" is not allowed; ${list}`;
  }
}
