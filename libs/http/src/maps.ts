import { ValidateBy } from 'class-validator';

/** The kernel refuses an argument or variable of 128 KiB (MAX_ARG_STRLEN), its terminator included. */
export const ARGUMENT_BYTES_MAX = 128 * 1024 - 1;
const VARIABLES_MAX = 1_000;
const LABELS_MAX = 64;

function isTextMap(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((item) => typeof item === 'string');
}

function environmentProblem(value: unknown): string | null {
  if (!isTextMap(value)) return 'must be an object whose values are strings';
  const entries = Object.entries(value);
  if (entries.length > VARIABLES_MAX) return `must have at most ${String(VARIABLES_MAX)} variables`;
  for (const [name, text] of entries) {
    if (name === '' || /[=\0]/.test(name)) return 'must have names that are not empty and hold no "=" and no NUL';
    if (name.startsWith('RDEV_')) return `must not set ${name}: names that begin with RDEV_ are reserved`;
    if (text.includes('\0')) return `must not have a NUL character in ${name}`;
    if (Buffer.byteLength(`${name}=${text}`) > ARGUMENT_BYTES_MAX)
      return `must have less than 128 KiB in each variable, ${name} has more`;
  }
  return null;
}

function labelsProblem(value: unknown): string | null {
  if (!isTextMap(value)) return 'must be an object whose values are strings';
  const entries = Object.entries(value);
  if (entries.length > LABELS_MAX) return `must have at most ${String(LABELS_MAX)} labels`;
  const fits = entries.every(
    ([name, text]) => /^[\w./-]{1,63}$/.test(name) && text.length <= 256 && !text.includes('\0'),
  );
  return fits
    ? null
    : 'must have names of 1 to 63 characters from A-Z a-z 0-9 _ . / - and values of at most 256 characters';
}

function checkedBy(name: string, problem: (value: unknown) => string | null): PropertyDecorator {
  return ValidateBy({
    name,
    validator: {
      validate: (value: unknown) => problem(value) === null,
      defaultMessage: (args) => problem(args?.value) ?? '',
    },
  });
}

/** Environment variables: any names but `RDEV_*`, each below the kernel's limit. */
export const IsEnvironment = (): PropertyDecorator => checkedBy('isEnvironment', environmentProblem);

/** Labels that a client attaches. */
export const IsLabels = (): PropertyDecorator => checkedBy('isLabels', labelsProblem);
