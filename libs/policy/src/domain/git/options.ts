/**
 * How an option takes its value, and what the value may be.
 *
 * - `flag`: none. `optional`: only after "=", or directly after the letter.
 * - `last`: a flag that takes the next argument, if there is one.
 * - `text`: anything, so the next argument may begin with "-". `value`: the next one may not.
 * - `file`, `setting`, `strategy`, `format`, `remote`: a value with its own rule.
 */
export type Kind =
  'flag' | 'optional' | 'last' | 'value' | 'text' | 'file' | 'setting' | 'strategy' | 'format' | 'remote';

export interface Option {
  /** The longest name, as in `--message`. */
  readonly name: string;
  readonly kind: Kind;
}

/** Keyed by every name, as in `-m` and `--message`; `-#` stands for a number, as in `-5`. */
export type Options = ReadonlyMap<string, Option>;

const KINDS: Readonly<Record<string, Kind>> = { '?': 'optional', '': 'value' };

/**
 * Parses a compact notation: `v|verbose` is `-v` and `--verbose`, `[no-]verify` is `--verify` and `--no-verify`,
 * `m|message=text` takes any text, `color=?` an optional value, `depth=` any value. The last definition of a name wins.
 */
export function optionsOf(words: readonly string[]): Options {
  return new Map(words.flatMap((word) => expand(word)).flatMap((word) => entriesOf(word)));
}

function expand(word: string): string[] {
  const name = word.replace('[no-]', '');
  return name === word ? [word] : [name, `no-${name}`];
}

function entriesOf(word: string): [string, Option][] {
  const [names = '', value] = word.split('=');
  const kind = value === undefined ? 'flag' : (KINDS[value] ?? (value as Kind));
  const dashed = names.split('|').map((name) => (name.length === 1 ? `-${name}` : `--${name}`));
  return dashed.map((name) => [name, { name: dashed.at(-1) ?? name, kind }]);
}
