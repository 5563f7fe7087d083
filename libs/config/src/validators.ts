import { isIP } from 'node:net';
import { isEgressList, isQuantities, parseQuantity } from '@app/kernel';
import { ValidateBy } from 'class-validator';
import { isPairs } from './exporter-variables.js';

export function isPostgresUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  return ['postgres:', 'postgresql:'].includes(new URL(value).protocol);
}

export function isCidrOrAddress(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

export function isTrustProxy(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  if (/^\d{1,2}$/.test(value)) return true;
  // A network of all addresses would trust every client.
  return value.split(',').every((part) => isCidrOrAddress(part.trim()) && !/\/0+$/.test(part.trim()));
}

/** Exact origins, as browsers send them: no path, no wildcard, no default port. */
export function isOrigins(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  return value.split(',').every((part) => {
    const origin = part.trim();
    return /^https?:[^*]+$/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin;
  });
}

export function IsOrigins(): PropertyDecorator {
  return ValidateBy({
    name: 'isOrigins',
    validator: {
      validate: isOrigins,
      defaultMessage: () => 'must be origins like https://app.example:8443, separated by commas',
    },
  });
}

/** Paths are appended, so no query and no fragment; the URL is public, so no password. */
export function isPublicUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !/^https?:\/\/[\x21-\x7e]+$/.test(value) || !URL.canParse(value)) return false;
  const { username, password } = new URL(value);
  return username === '' && password === '' && !/[?#\\"'<>`{}|^]/.test(value);
}

export function IsPublicUrl(): PropertyDecorator {
  return ValidateBy({
    name: 'isPublicUrl',
    validator: {
      validate: isPublicUrl,
      defaultMessage: () => 'must be a URL like https://example.com/rdev, without a query',
    },
  });
}

export function IsPostgresUrl(): PropertyDecorator {
  return ValidateBy({
    name: 'isPostgresUrl',
    validator: {
      validate: isPostgresUrl,
      defaultMessage: () => 'must be a URL like postgres://user:password@host:5432/database',
    },
  });
}

export function IsTrustProxy(): PropertyDecorator {
  return ValidateBy({
    name: 'isTrustProxy',
    validator: {
      validate: isTrustProxy,
      defaultMessage: () => 'must be a hop count, or addresses and CIDRs separated by commas',
    },
  });
}

export function IsQuantities(): PropertyDecorator {
  return ValidateBy({
    name: 'isQuantities',
    validator: {
      validate: isQuantities,
      defaultMessage: () => 'must be amounts of cpu, memory and ephemeral-storage, like cpu=500m,memory=1Gi',
    },
  });
}

export function IsQuantity(): PropertyDecorator {
  return ValidateBy({
    name: 'isQuantity',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && parseQuantity(value) !== null,
      defaultMessage: () => 'must be an amount like 10Gi',
    },
  });
}

export function isTexts(value: unknown): boolean {
  return isPlainObject(value) && Object.values(value).every((item) => typeof item === 'string');
}

export function IsTexts(): PropertyDecorator {
  return ValidateBy({
    name: 'isTexts',
    validator: {
      validate: isTexts,
      defaultMessage: () => 'must be a JSON object of strings, like {"pool":"projects"}',
    },
  });
}

/** A list of objects with only these fields, whose values the API server validates. */
export function IsObjects(fields: readonly string[]): PropertyDecorator {
  return ValidateBy({
    name: 'isObjects',
    validator: {
      validate: (value: unknown) =>
        Array.isArray(value) &&
        value.every((item) => isPlainObject(item) && Object.keys(item).every((name) => fields.includes(name))),
      defaultMessage: () => `must be a JSON list of objects with ${fields.join(', ')}`,
    },
  });
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function IsEgressList(): PropertyDecorator {
  return ValidateBy({
    name: 'isEgressList',
    validator: {
      validate: isEgressList,
      defaultMessage: () =>
        'must be address blocks or `public`, each optionally with a port, like public:443,10.1.0.0/16:5432',
    },
  });
}

/** Addresses and CIDRs. */
export function isNetworks(value: unknown): boolean {
  return typeof value === 'string' && value.split(',').every((part) => isCidrOrAddress(part.trim()));
}

export function IsNetworks(): PropertyDecorator {
  return ValidateBy({
    name: 'isNetworks',
    validator: {
      validate: isNetworks,
      defaultMessage: () => 'must be addresses and CIDRs like 10.1.0.0/16, separated by commas',
    },
  });
}

/** An HTTP proxy, which may require a password. */
export function isProxyUrl(value: unknown): boolean {
  return typeof value === 'string' && /^https?:\/\/[\x21-\x7e]+$/.test(value) && URL.canParse(value);
}

export function IsHttpUrl(): PropertyDecorator {
  return ValidateBy({
    name: 'isHttpUrl',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
      defaultMessage: () => 'must be a URL like http://collector:4318',
    },
  });
}

export function IsPairs(): PropertyDecorator {
  return ValidateBy({
    name: 'isPairs',
    validator: { validate: isPairs, defaultMessage: () => 'must be pairs as in name=value,name=value' },
  });
}

export function IsProxyUrl(): PropertyDecorator {
  return ValidateBy({
    name: 'isProxyUrl',
    validator: {
      validate: isProxyUrl,
      defaultMessage: () => 'must be a URL like http://proxy.example:3128',
    },
  });
}
