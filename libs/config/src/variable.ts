import 'reflect-metadata';
import { Expose, Transform } from 'class-transformer';
import { applyDecorators } from './apply-decorators.js';

export interface VariableInfo {
  readonly name: string;
  /** What it means, with its unit. */
  readonly meaning: string;
  /** Shown in the documentation. */
  readonly default: string;
  /** A password or key: no tool may print it. */
  readonly secret: boolean;
}

const variables = new Map<string, VariableInfo>();

/** What was declared, in that order; the default is empty where the property has a value. */
export function declaredVariables(): readonly VariableInfo[] {
  return [...variables.values()];
}

/**
 * Declares a property as an environment variable; an empty value counts as absent.
 * @param shownDefault what comes in its place, in words; of a property that has a value, that value is shown
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

/** Reads a decimal integer; anything else stays as it is, for the validator to refuse. */
export function ToInteger(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value,
  );
}

/** Reads a list whose items are separated by commas. */
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

/** Reads JSON; anything else stays as it is, for the validator to refuse. */
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

/** Reads amounts by name, as in `cpu=500m,memory=1Gi`; anything else stays as it is, for the validator to refuse. */
export function ToQuantities(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => {
    if (typeof value !== 'string') return value;
    const pairs = value.split(',').map((pair) => pair.trim().split('='));
    return pairs.every(({ length }) => length === 2) ? (Object.fromEntries(pairs) as unknown) : value;
  });
}
