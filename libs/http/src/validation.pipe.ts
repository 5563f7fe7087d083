import { type InvalidField, InvalidInput } from '@app/kernel';
import { type ArgumentMetadata, Injectable, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { invalidElementIndex } from './invalid-element.js';
import { childPointer, malformed } from './input.js';

/** Maximum number of errors in a response. */
const ERRORS_MAX = 50;

/** Rules for types take precedence: "must be a string" rather than a limit for its length. */
const FIRST_RULES = [
  'whitelistValidation',
  'isArray',
  'isString',
  'isInt',
  'isBoolean',
  'isObject',
  'nestedValidation',
];

class Rejected extends Error {
  constructor(readonly errors: readonly ValidationError[]) {
    super('The input does not fit its class.');
  }
}

/**
 * Validates bodies and queries against their classes; refuses unknown fields; reports one problem per invalid field,
 * with what is allowed.
 */
@Injectable()
export class InputPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      validationError: { target: true, value: true },
      exceptionFactory: (errors) => new Rejected(errors),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const root = rootOf(metadata);
    // Before class-transformer, which overflows the stack for very deep nesting.
    const found = metadata.type === 'custom' ? null : (malformed(value, root) ?? nulIn(value, metadata));
    if (found !== null) throw new InvalidInput([found]);
    try {
      return await (super.transform(value, metadata) as Promise<unknown>);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      throw new InvalidInput([...toFields(error.errors, root).take(ERRORS_MAX)]);
    }
  }
}

/** Pointers to body fields begin with `#`; parameters are identified by their names. */
function rootOf({ type, data }: ArgumentMetadata): string {
  return data ?? (type === 'query' ? '' : '#');
}

/** For path parameters: no id contains NUL, and PostgreSQL rejects it. Fields have their own rules. */
function nulIn(value: unknown, { type, data = '' }: ArgumentMetadata): InvalidField | null {
  return type === 'param' && typeof value === 'string' && value.includes('\0')
    ? { pointer: data, detail: 'must not contain a NUL character' }
    : null;
}

function* toFields(errors: readonly ValidationError[], parent: string): Generator<InvalidField, void> {
  for (const error of errors) {
    const pointer = childPointer(parent, error.property);
    const first = firstRule(error);
    if (first !== undefined)
      yield { pointer: pointerTo(error, first, parent), detail: detail(error, first, parent === '') };
    yield* toFields(error.children ?? [], pointer);
  }
}

/** Query parameters are identified only by their names. */
function pointerTo(error: ValidationError, rule: string, parent: string): string {
  const pointer = childPointer(parent, error.property);
  const index = parent === '' ? null : invalidElementIndex(rule, error);
  return index === null ? pointer : childPointer(pointer, String(index));
}

/** For a missing value with few allowed values, `isIn` is the most helpful. */
function firstRule({ value, constraints = {} }: ValidationError): string | undefined {
  const firstRules = value === undefined ? ['isIn', ...FIRST_RULES] : FIRST_RULES;
  return firstRules.find((rule) => rule in constraints) ?? Object.keys(constraints)[0];
}

function detail({ property, value, constraints }: ValidationError, rule: string, isQuery: boolean): string {
  if (rule === 'whitelistValidation') return isQuery ? 'is not a parameter of this route' : 'is not a known field';
  const text = (constraints?.[rule] ?? '').replace(/^each value (in )?/, '');
  const allowed = text.startsWith(`${property} `) ? text.slice(property.length + 1) : text;
  return value === undefined ? `is required: ${allowed}` : allowed;
}
