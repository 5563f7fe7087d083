import type { StreamName } from '../support/index.js';

/** Something that a script writes: how, and what that is, told without running it. */
export interface Step {
  readonly script: string;
  readonly bytes: Readonly<Partial<Record<StreamName, Buffer>>>;
}

export type Random = () => number;

export const between = (random: Random, low: number, high: number) => low + Math.floor(random() * (high - low + 1));
export const pick = <T>(random: Random, values: readonly T[]): T => values[Math.floor(random() * values.length)]!;

const WORDS = ['plain', 'naïve', '漢字', '🙂🙃', "it's", '$HOME `id`', 'tab\there', '\u{feff}mark', 'e\u0301', ''];

/** Some steps of one command. None forks more than once or twice, so that the load is the API's and not the shells'. */
export function someSteps(random: Random): Step[] {
  const shape = random();
  if (shape < 0.08) return [];
  if (shape < 0.5) return Array.from({ length: between(random, 1, 4) }, () => small(random));
  if (shape < 0.75) return trickle(random);
  if (shape < 0.9) return [small(random), burst(random), small(random)];
  return [bothAtOnce(random), pause(random), bothAtOnce(random)];
}

/** Slow: a piece, a pause, a piece. */
function trickle(random: Random): Step[] {
  return Array.from({ length: between(random, 3, 9) }, () => [small(random), pause(random)]).flat();
}

function small(random: Random): Step {
  const kind = random();
  if (kind < 0.4) return numbers(random, 300);
  return kind < 0.7 ? text(random) : binary(random);
}

const burst = (random: Random) => numbers(random, 50_000);

function numbers(random: Random, countMax: number): Step {
  const { script, bytes } = sequence(random, countMax);
  return to(anyStream(random), script, bytes);
}

function sequence(random: Random, countMax: number): { script: string; bytes: Buffer } {
  const first = between(random, 1, 1_000_000);
  const count = between(random, 1, countMax);
  const lines = Array.from({ length: count }, (_, i) => `${first + i}\n`).join('');
  return { script: `seq ${first} ${first + count - 1}`, bytes: Buffer.from(lines) };
}

/** Text in UTF-8, at times without an end of line. */
function text(random: Random): Step {
  const words = Array.from({ length: between(random, 1, 8) }, () => pick(random, WORDS)).join(' ');
  const end = random() < 0.5 ? '\n' : '';
  const quoted = `'${words.replaceAll("'", `'\\''`)}'`;
  return to(anyStream(random), `printf '%s${end === '' ? '' : '\\n'}' ${quoted}`, Buffer.from(words + end));
}

/** Bytes that are no text, and halves of characters. */
function binary(random: Random): Step {
  const bytes = Buffer.from(Array.from({ length: between(random, 1, 3_000) }, () => Math.floor(random() * 256)));
  return to(anyStream(random), `base64 -d <<'.'\n${bytes.toString('base64')}\n.\n`, bytes);
}

function bothAtOnce(random: Random): Step {
  const [out, err] = [sequence(random, 4_000), sequence(random, 4_000)];
  return { script: `${out.script} & ${err.script} >&2; wait $!`, bytes: { stdout: out.bytes, stderr: err.bytes } };
}

function pause(random: Random): Step {
  return { script: `sleep 0.${between(random, 1, 8)}`, bytes: {} };
}

const anyStream = (random: Random): StreamName => (random() < 0.6 ? 'stdout' : 'stderr');

function to(stream: StreamName, script: string, bytes: Buffer): Step {
  return { script: stream === 'stdout' ? script : `{ ${script}\n} >&2`, bytes: { [stream]: bytes } };
}
