import type { InvalidField } from '@app/kernel';
import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, Min, ValidateBy } from 'class-validator';

/** Valid requests are nested at most 3 levels deep. */
export const DEPTH_MAX = 16;
/** class-transformer searches linearly for each name. */
const NAMES_MAX = 1_000;
const ELEMENTS_MAX = 4_096;
/** Names that Nest and class-transformer silently drop: those of every object, and "prototype". */
const RESERVED = new Set([...Object.getOwnPropertyNames(Object.prototype), 'prototype']);
const INSTANT = /^(19[7-9]\d|[2-9]\d{3})-\d\d-\d\dT([01]\d|2[0-3]):\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** The first problem of a parsed body or query, whatever its fields; null: none. */
export function malformed(value: unknown, pointer = '#', depth = 0): InvalidField | null {
  if (typeof value === 'string') {
    return value.isWellFormed() ? null : { pointer, detail: 'must not contain half of a surrogate pair' };
  }
  if (typeof value !== 'object' || value === null) return null;
  const entries = Object.entries(value);
  const excess = excessOf(value, entries.length, depth);
  if (excess !== null) return { pointer, detail: excess };
  for (const [name, item] of entries) {
    const at = childPointer(pointer, name);
    if (!name.isWellFormed()) return { pointer, detail: 'must not have a name with half of a surrogate pair' };
    if (RESERVED.has(name)) return { pointer: at, detail: 'is a name that is not allowed' };
    const found = malformed(item, at, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

function excessOf(value: object, count: number, depth: number): string | null {
  if (depth >= DEPTH_MAX) return `must not be nested deeper than ${String(DEPTH_MAX)} levels`;
  const [max, what] = Array.isArray(value) ? [ELEMENTS_MAX, 'elements'] : [NAMES_MAX, 'names'];
  return count > max ? `must not have more than ${String(max)} ${what}` : null;
}

/**
 * The pointer to a field; with an empty parent its name, as for query parameters.
 * @see RFC 6901
 */
export function childPointer(parent: string, name: string): string {
  if (parent === '') return shortened(name);
  return `${parent}/${shortened(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** A client-chosen name, limited for display. */
export function shortened(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100).toWellFormed()}…` : name;
}

interface IntegerOptions {
  readonly minimum: number;
  readonly maximum: number;
  readonly default?: number;
  readonly description?: string;
}

/** An optional decimal integer in a query; other notations and empty values are rejected. */
export const QueryInteger = (options: IntegerOptions): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ type: 'integer', ...options }),
    IsOptional(),
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value,
    ),
    IsInt(),
    Min(options.minimum),
    Max(options.maximum),
  );

/** A time with its zone that both `new Date` and PostgreSQL accept. @see RFC 3339, section 5.6 */
export const IsInstant = (): PropertyDecorator =>
  applyDecorators(
    IsString(),
    ValidateBy({
      name: 'isInstant',
      validator: {
        validate: isInstant,
        defaultMessage: () => 'must be a time like 2030-01-31T12:00:00Z, not before 1970',
      },
    }),
  );

function isInstant(value: unknown): boolean {
  if (typeof value !== 'string' || !INSTANT.test(value) || Number.isNaN(new Date(value).getTime())) return false;
  // `new Date` turns 30 February into 2 March.
  const date = value.slice(0, 'YYYY-MM-DD'.length);
  return new Date(date).toISOString().startsWith(date);
}
