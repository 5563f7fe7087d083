import { FullEnvironment } from './telemetry-environment.js';
import { type VariableInfo, declaredVariables } from './variable.js';

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB'] as const;

/** All variables that rdev reads, in declaration order, each with its actual default. */
export function describeVariables(): readonly VariableInfo[] {
  const defaults = new FullEnvironment() as unknown as Readonly<Record<string, unknown>>;
  return declaredVariables().map((variable) => {
    const value = defaults[variable.name];
    return value === undefined ? variable : { ...variable, default: textOf(variable.name, value) };
  });
}

/** Formats a value as it would be set. */
function textOf(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map((pair) => pair.join('='))
      .join(',');
  return typeof value === 'number' && name.includes('_BYTES') ? `${value} (${inUnits(value)})` : String(value);
}

function inUnits(bytes: number): string {
  const exponent = UNITS.findLastIndex((_unit, power) => bytes % 1024 ** power === 0);
  return `${bytes / 1024 ** exponent} ${UNITS[exponent] ?? ''}`;
}
