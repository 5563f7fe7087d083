import { accessSync, constants } from 'node:fs';

type Env = Readonly<Record<string, string | undefined>>;

const MS_MAX = 2 ** 31 - 1;
export const PAIRS = /^(\s*[^\s=,]+\s*=[^,]*(,|$))*$/;

interface Rule {
  readonly isValid: (value: string) => boolean;
  readonly message: string;
}

const READABLE: Rule = { isValid: isReadable, message: 'must be the path of a readable file' };
const RULES: Readonly<Record<string, Rule>> = {
  TIMEOUT: {
    isValid: (value) => /^[1-9]\d*$/.test(value) && Number(value) <= MS_MAX,
    message: 'must be a number of milliseconds, at least 1',
  },
  COMPRESSION: { isValid: (value) => ['gzip', 'none'].includes(value), message: 'must be gzip or none' },
  HEADERS: { isValid: (value) => PAIRS.test(value), message: 'must be pairs as in name=value,name=value' },
  CERTIFICATE: READABLE,
  CLIENT_CERTIFICATE: READABLE,
  CLIENT_KEY: READABLE,
};

/**
 * What is wrong with the variables that the exporters read by themselves. They would ignore a wrong one silently, and
 * export without the client's certificate, for example.
 */
export function exporterProblems(env: Env): string[] {
  return ['OTLP', 'OTLP_TRACES', 'OTLP_METRICS'].flatMap((signal) =>
    Object.entries(RULES).flatMap(([suffix, { isValid, message }]) => {
      const name = `OTEL_EXPORTER_${signal}_${suffix}`;
      const value = env[name];
      return value === undefined || isValid(value) ? [] : [`${name} ${message}`];
    }),
  );
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
