/** Scopes of keys; `admin` implies all others. */
export const SCOPES = [
  'projects:read',
  'projects:write',
  'commands:read',
  'commands:execute',
  'queue:read',
  'queue:write',
  'keys:read',
  'keys:write',
  'webhooks:read',
  'webhooks:write',
  'audit:read',
  'admin',
] as const;

export type Scope = (typeof SCOPES)[number];

/** The verified key of a request, and its rights. */
export interface Caller {
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  /** Globs of the project ids that the key may see; null: all. */
  readonly projects: readonly string[] | null;
  /** Requests per second over the sliding window; 0: no limit; null: the server default. */
  readonly rateLimitRps: number | null;
}

export function hasScope(caller: Pick<Caller, 'scopes'>, scope: Scope): boolean {
  return caller.scopes.includes('admin') || caller.scopes.includes(scope);
}

/** Whether the project is visible to the caller. */
export function maySeeProject(caller: Pick<Caller, 'projects'>, projectId: string): boolean {
  return caller.projects === null || caller.projects.some((glob) => matchesGlob(glob, projectId));
}

/**
 * Whether the whole text matches; `*` stands for any characters. Matches without backtracking, so no pattern is slow.
 */
export function matchesGlob(glob: string, text: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  if (rest.length === 0) return glob === text;
  if (!text.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
