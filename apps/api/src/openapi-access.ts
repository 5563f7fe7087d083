import type { Access } from '@app/http';
import { SCOPES } from '@app/kernel';
import type { OpenAPIObject } from '@nestjs/swagger';

interface Operation {
  description?: string;
  security?: Record<string, string[]>[];
  'x-required-scope'?: Access;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/**
 * Says of each operation which scope its key needs, as the guards know it. Leaves out the scopes that no route asks for
 * yet.
 * @see OpenAPI 3.1, "Security Requirement Object": of a bearer token the list has the names of roles
 */
export function describeAccess(document: OpenAPIObject): OpenAPIObject {
  const operations = operationsOf(document);
  for (const operation of operations) describeOperation(operation);
  const used = new Set<string>(['admin', ...operations.flatMap((operation) => operation['x-required-scope'] ?? [])]);
  keepScopes(document.components, used);
  return document;
}

function operationsOf({ paths }: OpenAPIObject): Operation[] {
  return Object.values(paths).flatMap((path) => METHODS.flatMap((method) => (path[method] ?? []) as Operation));
}

function describeOperation(operation: Operation): void {
  const access = operation['x-required-scope'];
  if (access === undefined || access === 'public') {
    delete operation['x-required-scope'];
    delete operation.security;
    return;
  }
  const isAny = access === 'any-key';
  if (isAny) delete operation['x-required-scope'];
  operation.security = [{ bearer: isAny ? [] : [access] }];
  const needs = isAny ? 'Needs a valid key; no scope of its own.' : `Needs the scope \`${access}\`.`;
  operation.description = [needs, operation.description].filter(Boolean).join('\n\n');
}

/** Every list of scopes in the schemas, wherever it is. */
function keepScopes(part: unknown, used: ReadonlySet<string>): void {
  if (typeof part !== 'object' || part === null) return;
  const schema = part as { enum?: unknown };
  if (isScopes(schema.enum)) schema.enum = schema.enum.filter((scope) => used.has(scope));
  for (const child of Object.values(part)) keepScopes(child, used);
}

function isScopes(values: unknown): values is string[] {
  return Array.isArray(values) && values.length === SCOPES.length && SCOPES.every((scope) => values.includes(scope));
}
