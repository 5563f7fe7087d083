import { type Caller, newId } from '../src/index.js';

/** An administrator for all projects, unless overridden. */
export function aCaller(traits: Partial<Caller> = {}): Caller {
  return { keyId: newId('key'), scopes: ['admin'], projects: null, rateLimitRps: null, ...traits };
}
