import { readFileSync } from 'node:fs';
import { StartRefused } from '@app/kernel';
import { type Document, LineCounter, isMap, isNode, isScalar, isSeq, parseDocument } from 'yaml';
import { COMMAND_TYPES, type CommandType } from '@app/commands';
import { CommandPolicy, type PolicyRule } from '../../domain/command-policy.js';

const RULES_MAX = 1_000;
const GLOBS_MAX = 1_000;
const GLOB_CHARS_MAX = 500;
const REASON_CHARS_MAX = 500;
const LISTS = ['types', 'projects', 'keys', 'containers', 'programs', 'argv', 'scripts', 'env'] as const;
const FIELDS = new Set<unknown>(['action', 'reason', ...LISTS]);

/** The policy cannot be used; the message contains the file, and each invalid line with its error. */
export class InvalidPolicy extends StartRefused {
  constructor(file: string, problems: readonly string[], options?: ErrorOptions) {
    const lines = problems.map((problem) => `  ${file}:${problem}`);
    super(`The command policy (RDEV_POLICY_FILE) is not valid:\n${lines.join('\n')}`, options);
    this.name = 'InvalidPolicy';
  }
}

/** Reads the policy from the file. @throws {@link InvalidPolicy} */
export function readPolicy(file: string): CommandPolicy {
  try {
    return parsePolicy(file, readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof InvalidPolicy) throw error;
    throw new InvalidPolicy(file, [` cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`], {
      cause: error,
    });
  }
}

/** @throws {@link InvalidPolicy} */
export function parsePolicy(file: string, text: string): CommandPolicy {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, stringKeys: true });
  const at = (offset: number | undefined): string => String(offset === undefined ? 1 : counter.linePos(offset).line);
  const syntax = [...document.errors, ...document.warnings].map(({ pos, message }) => `${at(pos[0])}: ${message}`);
  if (syntax.length > 0) throw new InvalidPolicy(file, syntax);
  const problems: string[] = [];
  const refuse: Refuse = (node, text) => {
    problems.push(`${at(isNode(node) ? node.range?.[0] : undefined)}: ${text}`);
  };
  const rules = readRules(document, refuse);
  if (problems.length > 0) throw new InvalidPolicy(file, problems);
  return new CommandPolicy(rules);
}

type Refuse = (node: unknown, text: string) => void;

function readRules({ contents }: Document, refuse: Refuse): PolicyRule[] {
  const root = isMap(contents) ? contents : null;
  const only = root?.items.length === 1 ? root.items[0] : undefined;
  const list = only !== undefined && isScalar(only.key) && only.key.value === 'rules' ? only.value : undefined;
  if (!isSeq(list) || list.items.length > RULES_MAX) {
    refuse(contents, `must be "rules:" with a list of at most ${String(RULES_MAX)} rules, and nothing else`);
    return [];
  }
  return list.items.map((item) => readRule(item, refuse));
}

function readRule(node: unknown, refuse: Refuse): PolicyRule {
  const fields = new Map<unknown, unknown>();
  if (!isMap(node)) refuse(node, 'a rule must be a map with "action"');
  for (const { key, value } of isMap(node) ? node.items : []) {
    const name = isScalar(key) ? key.value : undefined;
    if (!FIELDS.has(name)) refuse(key, `${JSON.stringify(name)} is not a known field: ${[...FIELDS].join(', ')}`);
    fields.set(name, value);
  }
  const action = isScalar(fields.get('action')) ? (fields.get('action') as { value: unknown }).value : undefined;
  if (action !== 'allow' && action !== 'deny') refuse(fields.get('action') ?? node, '"action" must be allow or deny');
  const lists = Object.fromEntries(LISTS.map((name) => [name, readList(name, fields, refuse)]));
  refuseMisplaced(action, lists.types ?? [], fields, refuse);
  return { action, ...lists, reason: readReason(fields, refuse) } as PolicyRule;
}

function refuseMisplaced(
  action: unknown,
  types: readonly string[],
  fields: ReadonlyMap<unknown, unknown>,
  refuse: Refuse,
): void {
  if (action === 'deny' && fields.has('env')) refuse(fields.get('env'), '"env" goes with "allow" only');
  if (!types.every((type) => COMMAND_TYPES.includes(type as CommandType)))
    refuse(fields.get('types'), `"types" must hold some of ${COMMAND_TYPES.join(', ')}`);
}

/** An empty list would match nothing, and a misspelt one everything: both are refused. */
function readList(name: string, fields: ReadonlyMap<unknown, unknown>, refuse: Refuse): string[] | null {
  if (!fields.has(name)) return null;
  const node = fields.get(name);
  const values = (isSeq(node) ? node.items : []).map((item) => (isScalar(item) ? item.value : undefined));
  const isText = (value: unknown): value is string =>
    typeof value === 'string' && value !== '' && value.length <= GLOB_CHARS_MAX;
  if (values.length >= 1 && values.length <= GLOBS_MAX && values.every(isText)) return values;
  const [count, length] = [String(GLOBS_MAX), String(GLOB_CHARS_MAX)];
  refuse(node, `"${name}" must be a list of 1 to ${count} texts of 1 to ${length} characters`);
  return null;
}

function readReason(fields: ReadonlyMap<unknown, unknown>, refuse: Refuse): string | null {
  if (!fields.has('reason')) return null;
  const node = fields.get('reason');
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === 'string' && value !== '' && value.length <= REASON_CHARS_MAX) return value.replace(/\.\s*$/, '');
  refuse(node, `"reason" must be a text of 1 to ${String(REASON_CHARS_MAX)} characters`);
  return null;
}
