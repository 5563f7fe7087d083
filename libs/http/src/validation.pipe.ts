import { type InvalidField, InvalidInput } from '@app/kernel';
import { type ArgumentMetadata, Injectable, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { childPointer, malformed } from './input.js';

/** A body may be wrong in more places than an answer should list. */
const ERRORS_MAX = 50;

/** Checks bodies and queries against their classes; refuses unknown fields; says which field is wrong and what is allowed. */
@Injectable()
export class InputPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      stopAtFirstError: true,
      validationError: { target: false, value: false },
      exceptionFactory: (errors) =>
        new InvalidInput(errors.flatMap((error) => toFields(error, '#')).slice(0, ERRORS_MAX)),
    });
  }

  /** Before the classes are looked at: to make instances of what is nested very deep ends the stack. */
  override transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const pointer = metadata.type === 'body' || metadata.data === undefined ? '#' : metadata.data;
    const found = metadata.type === 'custom' ? null : (malformed(value, pointer) ?? nulIn(value, metadata));
    if (found !== null) throw new InvalidInput([found]);
    return super.transform(value, metadata) as Promise<unknown>;
  }
}

/** Of parameters: no id holds it, and PostgreSQL takes none. Fields say by themselves whether they may. */
function nulIn(value: unknown, { type, data = '' }: ArgumentMetadata): InvalidField | null {
  return type === 'param' && typeof value === 'string' && value.includes('\0')
    ? { pointer: data, detail: 'must not contain a NUL character' }
    : null;
}

function toFields({ property, constraints, children }: ValidationError, parent: string): InvalidField[] {
  const pointer = childPointer(parent, property);
  const own = Object.entries(constraints ?? {}).map(([rule, text]) => ({
    pointer,
    detail: detail(rule, text, property),
  }));
  return [...own, ...(children ?? []).flatMap((child) => toFields(child, pointer))];
}

function detail(rule: string, text: string, property: string): string {
  if (rule === 'whitelistValidation') return 'is not a known field';
  return text.startsWith(`${property} `) ? text.slice(property.length + 1) : text;
}
