import { accessSync, constants } from 'node:fs';

type Env = Readonly<Record<string, string | undefined>>;

const MS_MAX = 2 ** 31 - 1;
const PAIRS = /^(\s*[^\s=,]+\s*=[^,]*(,|$))*$/;

interface Rule {
  readonly isValid: (value: string) => boolean;
  readonly message: string;
}

const PAIRED: Rule = { isValid: isPairs, message: 'must be pairs as in name=value,name=value' };
const READABLE: Rule = { isValid: isReadable, message: 'must be the path of a readable file' };
/** By what follows OTLP, OTLP_TRACES or OTLP_METRICS. */
const RULES: Readonly<Record<string, Rule>> = {
  TIMEOUT: {
    isValid: (value) => /^[1-9]\d*$/.test(value) && Number(value) <= MS_MAX,
    message: 'must be a number of milliseconds, at least 1',
  },
  COMPRESSION: { isValid: (value) => ['gzip', 'none'].includes(value), message: 'must be gzip or none' },
  CERTIFICATE: READABLE,
  CLIENT_CERTIFICATE: READABLE,
  CLIENT_KEY: READABLE,
};

/**
 * What is wrong with the variables that the exporters read by themselves. They would ignore a wrong one silently, and
 * export without the client's certificate, for example.
 */
export function exporterProblems(env: Env): string[] {
  const rules = ['OTLP', 'OTLP_TRACES', 'OTLP_METRICS'].flatMap((signal) =>
    Object.entries(RULES).map(([suffix, rule]) => [`OTEL_EXPORTER_${signal}_${suffix}`, rule] as const),
  );
  rules.push(['OTEL_EXPORTER_OTLP_TRACES_HEADERS', PAIRED], ['OTEL_EXPORTER_OTLP_METRICS_HEADERS', PAIRED]);
  return rules.flatMap(([name, { isValid, message }]) => {
    const value = env[name];
    return value === undefined || isValid(value) ? [] : [`${name} ${message}`];
  });
}

/** Values are percent-encoded. The SDK would drop all pairs because of one. */
export function isPairs(value: unknown): boolean {
  return typeof value === 'string' && PAIRS.test(value) && !/%(?![0-9a-f]{2})/i.test(value);
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
