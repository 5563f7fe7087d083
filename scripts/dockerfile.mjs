/** Parses the part of the Dockerfile language that our Dockerfiles use; anything else is an error, not a guess. */

/** The command that installs Debian packages; the first group contains their names. */
export const INSTALL =
  /^apt-get update && apt-get install --yes --no-install-recommends ([a-z0-9 .+-]+) && rm -rf \S+$/;

/**
 * The stages of a Dockerfile: `{ name, from, steps }`, with steps `{ name, text, words, json, flags }`. `json` is the
 * list after the instruction, if there is one, as in `CMD ["node"]`.
 */
export function parseDockerfile(source) {
  const stages = [];
  for (const line of logicalLines(source)) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === '') throw new Error(`Unsupported line in the Dockerfile: ${line}`);
    const flags = Object.fromEntries(
      [...rest.matchAll(/(?:^|(?<=\s))--([a-z-]+)=(\S+)(?=\s)/g)].map(([, key, value]) => [key, value]),
    );
    const isShell = name === 'RUN';
    const text = isShell ? rest : rest.replace(/^(?:--[a-z-]+=\S+\s+)+/, '').replace(/^CMD\s+/, '');
    const words = text.split(/\s+/);
    if (name === 'FROM') stages.push({ from: words[0], name: words[2] ?? null, steps: [] });
    else stages.at(-1).steps.push({ name, text, words, json: text.startsWith('[') ? JSON.parse(text) : null, flags });
  }
  return stages;
}

/** Without comments and empty lines, continued lines joined. */
function logicalLines(source) {
  return source
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.trim());
}

/** The last stage, preceded by the stages that it is built from or copies from, in the order of the file. */
export function neededStages(stages) {
  const needed = new Set([stages.at(-1)]);
  for (const stage of needed) {
    const names = [stage.from, ...stage.steps.map(({ flags }) => flags.from)];
    for (const other of stages) if (other.name !== null && names.includes(other.name)) needed.add(other);
  }
  return stages.filter((stage) => needed.has(stage));
}
