import type { InvalidField } from '@app/kernel';
import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, Max, Min, ValidateBy } from 'class-validator';

/** No request of ours is nested deeper than 3. */
const DEPTH_MAX = 16;
/** Names that class-transformer leaves out without a word. */
const RESERVED = new Set(['__proto__', 'constructor']);
const INSTANT = /^(19[7-9]\d|[2-9]\d{3})-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** What is wrong with a parsed body or query whatever its fields are; null: nothing. */
export function malformed(value: unknown, pointer = '#', depth = 0): InvalidField | null {
  if (typeof value === 'string') {
    return value.isWellFormed() ? null : { pointer, detail: 'must not contain half of a surrogate pair' };
  }
  if (typeof value !== 'object' || value === null) return null;
  if (depth >= DEPTH_MAX) return { pointer, detail: `must not be nested deeper than ${String(DEPTH_MAX)} levels` };
  for (const [name, item] of Object.entries(value)) {
    const at = childPointer(pointer, name);
    if (!name.isWellFormed()) return { pointer, detail: 'must not have a name with half of a surrogate pair' };
    if (RESERVED.has(name)) return { pointer: at, detail: 'is a name that is not allowed' };
    const found = malformed(item, at, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

/** @see RFC 6901 */
export function childPointer(parent: string, name: string): string {
  const shown = name.length > 100 ? `${name.slice(0, 100).toWellFormed()}…` : name;
  return `${parent}/${shown.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

interface IntegerOptions {
  readonly minimum: number;
  readonly maximum: number;
  readonly default?: number;
  readonly description?: string;
}

/** An optional decimal integer of a query: no other form of a number, and none for an empty text. */
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

/** A time with its zone: what `new Date` and PostgreSQL both take. @see RFC 3339, section 5.6 */
export const IsInstant = (): PropertyDecorator =>
  ValidateBy({
    name: 'isInstant',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'string' && INSTANT.test(value) && !Number.isNaN(new Date(value).getTime()),
      defaultMessage: () => 'must be a time like 2030-01-31T12:00:00Z, from 1970 on',
    },
  });
