import { type InvalidField, InvalidInput } from '@app/kernel';
import { ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';

/** Checks bodies and queries against their classes; refuses unknown fields; says which field is wrong and what is allowed. */
export function validationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    stopAtFirstError: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors) => new InvalidInput(errors.flatMap((error) => toFields(error, '#'))),
  });
}

function toFields({ property, constraints, children }: ValidationError, parent: string): InvalidField[] {
  const pointer = `${parent}/${property.replaceAll('~', '~0').replaceAll('/', '~1')}`;
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
