import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

interface Listed {
  readonly status: number;
  readonly retryable: boolean;
}

interface ErrorClass {
  readonly parent: string;
  readonly kind: string | undefined;
  readonly code: string | undefined;
  readonly retryable: boolean | undefined;
}

const PROBLEMS = 'libs/http/src/problem.ts';

function sources(): string[] {
  return readdirSync('libs', { recursive: true, encoding: 'utf8' })
    .filter((path) => /(^|\/)src\/.*\.ts$/.test(path) && !path.endsWith('spec.ts'))
    .map((path) => readFileSync(join('libs', path), 'utf8'));
}

/** What the classes that extend DomainError say, by their source: importing them all would load everything. */
function errorClasses(): Map<string, ErrorClass> {
  const classes = sources().flatMap((text) =>
    text.split(/^(?=export (?:abstract )?class )/m).flatMap((part) => {
      const [, name, parent] = /^export (?:abstract )?class (\w+) extends (\w+)/.exec(part) ?? [];
      if (name === undefined || parent === undefined) return [];
      const body = part.slice(0, part.indexOf('\n}'));
      const field = (wanted: string) => new RegExp(`readonly ${wanted}(?:: \\w+)? = '?([\\w-]+)'?;`).exec(body)?.[1];
      const retryable = field('retryable');
      const own = { parent, kind: field('kind'), code: field('code') };
      return [[name, { ...own, retryable: retryable === undefined ? undefined : retryable === 'true' }] as const];
    }),
  );
  return new Map(classes);
}

/** The value of the class itself, or of the nearest parent that has one. */
function inherited<K extends 'kind' | 'code' | 'retryable'>(
  classes: ReadonlyMap<string, ErrorClass>,
  name: string,
  field: K,
): ErrorClass[K] {
  const found = classes.get(name);
  return found === undefined ? undefined : (found[field] ?? inherited(classes, found.parent, field));
}

function isDomainError(classes: ReadonlyMap<string, ErrorClass>, name: string): boolean {
  const parent = classes.get(name)?.parent;
  return parent !== undefined && (parent === 'DomainError' || isDomainError(classes, parent));
}

function codesInUse(): Map<string, Listed> {
  const filter = readFileSync(PROBLEMS, 'utf8');
  const statusOf = Object.fromEntries(
    [...filter.matchAll(/^ {2}'?([a-z-]+)'?: (\d{3}),$/gm)].map(([, kind, status]) => [kind, Number(status)]),
  );
  const codes = new Map<string, Listed>([['INTERNAL', { status: 500, retryable: false }]]);
  for (const [, status, code] of filter.matchAll(/^ {2}(\d{3}): '([A-Z_]+)',$/gm)) {
    codes.set(code!, { status: Number(status), retryable: false });
  }
  const classes = errorClasses();
  for (const name of classes.keys()) {
    const code = inherited(classes, name, 'code');
    if (!isDomainError(classes, name) || code === undefined) continue;
    const status = statusOf[inherited(classes, name, 'kind') ?? ''] ?? 0;
    codes.set(code, { status, retryable: inherited(classes, name, 'retryable') ?? false });
  }
  return codes;
}

function codesListed(): Map<string, Listed> {
  const rows = readFileSync('docs/reference/problems.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return new Map(
    rows.map(([, code = '', status, retryable, meaning, advice]) => {
      expect([code, meaning, advice]).not.toContain('');
      return [code.replaceAll('`', ''), { status: Number(status), retryable: retryable === 'yes' }];
    }),
  );
}

describe('docs/reference/problems.md', () => {
  it('lists every code that is used, with its status and whether to retry, and no other', () => {
    const byCode = (codes: Map<string, Listed>) =>
      Object.fromEntries([...codes].sort(([a], [b]) => a.localeCompare(b)));
    expect(byCode(codesListed())).toEqual(byCode(codesInUse()));
  });

  it('lists nothing that is thrown nowhere', () => {
    const all = sources().join('\n');
    const classes = errorClasses();
    const unthrown = [...classes.keys()].filter(
      (name) => isDomainError(classes, name) && !new RegExp(`new ${name}\\(|extends ${name} `).test(all),
    );
    expect(unthrown).toEqual([]);
  });

  it('is compared with what is there: the classes are found', () => {
    const codes = codesInUse();
    expect(codes.size).toBeGreaterThan(20);
    expect(codes.get('KEY_EXPIRED')).toEqual({ status: 401, retryable: false });
    expect(codes.get('CLUSTER_UNAVAILABLE')).toEqual({ status: 503, retryable: true });
  });
});
