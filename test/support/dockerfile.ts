import { readFileSync } from 'node:fs';

export interface Step {
  readonly name: string;
  readonly text: string;
  readonly words: readonly string[];
  /** The list after the instruction, where it is one: `CMD ["node"]`. */
  readonly json: readonly string[] | null;
  readonly flags: Readonly<Record<string, string>>;
}

export interface Stage {
  readonly from: string;
  readonly name: string | null;
  readonly steps: readonly Step[];
}

/** The stages of a Dockerfile. Reads the part of the language that ours use. */
export function stagesOf(file: string): Stage[] {
  const stages: { from: string; name: string | null; steps: Step[] }[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*[^\\])$/.exec(line) ?? [];
    if (name === '') throw new Error(`This line of ${file} is not understood: ${line}`);
    const step = toStep(name, rest);
    if (name === 'FROM') stages.push({ from: step.words[0] ?? '', name: step.words[2] ?? null, steps: [] });
    else stages.at(-1)?.steps.push(step);
  }
  return stages;
}

function toStep(name: string, rest: string): Step {
  const flag = /^--([a-z-]+)=(\S+)\s+/;
  const flags: Record<string, string> = {};
  let text = rest;
  for (let found = flag.exec(text); name !== 'RUN' && found; found = flag.exec(text)) {
    flags[found[1] ?? ''] = found[2] ?? '';
    text = text.slice(found[0].length);
  }
  text = name === 'HEALTHCHECK' ? text.replace(/^CMD\s+/, '') : text;
  const json = text.startsWith('[') ? (JSON.parse(text) as string[]) : null;
  return { name, text, words: text.split(/\s+/), json, flags };
}
