import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, ArrayUnique, IsOptional, Matches, ValidateBy } from 'class-validator';
import { shortened } from './input.js';

/** The kernel refuses arguments and variables of 128 KiB (MAX_ARG_STRLEN), including the terminator. */
export const ARGUMENT_BYTES_MAX = 128 * 1024 - 1;
const VARIABLES_MAX = 1_000;
const LABELS_MAX = 64;
const LABEL_NAME = /^[\w./-]{1,63}$/;
const LABEL_CHARS_MAX = 256;
const LABEL_FILTER = /^[\w./-]{1,63}=[^\0]{0,256}$/;
const LABEL_FILTERS_MAX = 16;

function isTextMap(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((item) => typeof item === 'string');
}

function environmentProblem(value: unknown): string | null {
  if (!isTextMap(value)) return 'must be an object whose values are strings';
  const entries = Object.entries(value);
  if (entries.length > VARIABLES_MAX) return `must have at most ${String(VARIABLES_MAX)} variables`;
  for (const [name, text] of entries) {
    if (name === '' || /[=\0]/.test(name)) return 'must have names that are not empty and contain no "=" and no NUL';
    if (name.startsWith('RDEV_')) return `must not set ${shortened(name)}: names beginning with RDEV_ are reserved`;
    if (text.includes('\0')) return `must not have a NUL character in ${shortened(name)}`;
    if (Buffer.byteLength(`${name}=${text}`) > ARGUMENT_BYTES_MAX)
      return `must have less than 128 KiB in each variable; ${shortened(name)} has more`;
  }
  return null;
}

function labelsProblem(value: unknown): string | null {
  if (!isTextMap(value)) return 'must be an object whose values are strings';
  const entries = Object.entries(value);
  if (entries.length > LABELS_MAX) return `must have at most ${String(LABELS_MAX)} labels`;
  const fits = entries.every(
    ([name, text]) => LABEL_NAME.test(name) && text.length <= LABEL_CHARS_MAX && !text.includes('\0'),
  );
  return fits
    ? null
    : 'must have names of 1 to 63 characters from A-Z a-z 0-9 _ . / - and values of at most 256 characters';
}

interface MapLimits {
  readonly description: string;
  readonly maxProperties: number;
  readonly additionalProperties: { readonly type: 'string'; readonly maxLength: number };
}

function checkedBy(name: string, problem: (value: unknown) => string | null, limits: MapLimits): PropertyDecorator {
  const check = ValidateBy({
    name,
    validator: {
      validate: (value: unknown) => problem(value) === null,
      defaultMessage: (args) => problem(args?.value) ?? '',
    },
  });
  return applyDecorators(ApiPropertyOptional({ type: 'object', ...limits }), IsOptional(), check);
}

/** Optional environment variables: any names except `RDEV_*`, each below the kernel's limit. */
export const IsEnvironment = (description = 'Names must not begin with RDEV_'): PropertyDecorator =>
  checkedBy('isEnvironment', environmentProblem, {
    description: `${description}; a name and its value must be shorter than 128 KiB`,
    maxProperties: VARIABLES_MAX,
    additionalProperties: { type: 'string', maxLength: ARGUMENT_BYTES_MAX },
  });

/** Optional client-defined labels. */
export const IsLabels = (): PropertyDecorator =>
  checkedBy('isLabels', labelsProblem, {
    maxProperties: LABELS_MAX,
    description: 'Names have 1 to 63 characters from A-Z a-z 0-9 _ . / -',
    additionalProperties: { type: 'string', maxLength: LABEL_CHARS_MAX },
  });

/** Optional label filter: `name=value` pairs, all of which must match. */
export const IsLabelFilter = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      type: 'array',
      maxItems: LABEL_FILTERS_MAX,
      items: { type: 'string', pattern: LABEL_FILTER.source },
      description: '`name=value`, such as `team=a`; may be repeated with different names',
    }),
    IsOptional(),
    Transform(({ value }: { value: unknown }) => [value].flat()),
    ArrayMaxSize(LABEL_FILTERS_MAX),
    Matches(LABEL_FILTER, { each: true, message: 'must have the form name=value' }),
    // A label has one value, so two values of a name cannot match.
    ArrayUnique((pair: unknown) => String(pair).split('=', 1)[0], { message: 'must name each label once' }),
  );
