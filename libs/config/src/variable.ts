import 'reflect-metadata';
import { Expose, Transform } from 'class-transformer';
import { applyDecorators } from './apply-decorators.js';

export interface VariableInfo {
  readonly name: string;
  /** Its meaning, with the unit. */
  readonly meaning: string;
  /** Shown in the documentation. */
  readonly default: string;
  /** A password or key, which must not be printed. */
  readonly secret: boolean;
}

const variables = new Map<string, VariableInfo>();

/** In declaration order; the default is empty if the property has a value. */
export function declaredVariables(): readonly VariableInfo[] {
  return [...variables.values()];
}

/**
 * Declares a property as an environment variable; an empty value counts as unset.
 * @param shownDefault describes the default; not needed if the property has a value, which is shown instead
 */
export function Variable(meaning: string, shownDefault = '', options: { secret?: boolean } = {}): PropertyDecorator {
  return applyDecorators(Expose(), (_target, name) => {
    variables.set(String(name), {
      name: String(name),
      meaning,
      default: shownDefault,
      secret: options.secret ?? false,
    });
  });
}

/** Parses a decimal integer; leaves anything else for the validator to reject. */
export function ToInteger(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value,
  );
}

/** Parses a comma-separated list. */
export function ToList(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== '')
      : value,
  );
}

/** Parses JSON; leaves anything else for the validator to reject. */
export function ToJson(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => {
    if (typeof value !== 'string') return value;
    try {
      return JSON.parse(value) as unknown;
    } catch {
      return value;
    }
  });
}

/** Parses amounts by name, as in `cpu=500m,memory=1Gi`; leaves anything else for the validator to reject. */
export function ToQuantities(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => {
    if (typeof value !== 'string') return value;
    const pairs = value.split(',').map((pair) => pair.trim().split('='));
    return pairs.every(({ length }) => length === 2) ? (Object.fromEntries(pairs) as unknown) : value;
  });
}
