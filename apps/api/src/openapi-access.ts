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
 * Documents the scope that each operation requires, from the metadata of the guards. Omits scopes that no route
 * requires yet.
 * @see OpenAPI 3.1, "Security Requirement Object": for a bearer token the list contains role names
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
  const needs = isAny ? 'Needs a valid key with any scope.' : `Needs the scope \`${access}\`.`;
  operation.description = [needs, operation.description].filter(Boolean).join('\n\n');
}

/** Filters every list of scopes in the schemas. */
function keepScopes(part: unknown, used: ReadonlySet<string>): void {
  if (typeof part !== 'object' || part === null) return;
  const schema = part as { enum?: unknown };
  if (isScopes(schema.enum)) schema.enum = schema.enum.filter((scope) => used.has(scope));
  for (const child of Object.values(part)) keepScopes(child, used);
}

function isScopes(values: unknown): values is string[] {
  return Array.isArray(values) && values.length === SCOPES.length && SCOPES.every((scope) => values.includes(scope));
}
