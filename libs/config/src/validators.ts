import { isIP } from 'node:net';
import { ValidateBy } from 'class-validator';

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
  // A network of all addresses would believe anybody.
  return value.split(',').every((part) => isCidrOrAddress(part.trim()) && !/\/0+$/.test(part.trim()));
}

/** Exact ones, as browsers send them: no path, no wildcard, no default port. */
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

/** Whether it is a map from resources of a container to amounts as Kubernetes writes them. */
export function isQuantities(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).every(
    ([name, amount]) =>
      /^(cpu|memory|ephemeral-storage)$/.test(name) && typeof amount === 'string' && QUANTITY.test(amount),
  );
}

export const QUANTITY = /^\d{1,12}(\.\d{1,9})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/;

export function IsQuantities(): PropertyDecorator {
  return ValidateBy({
    name: 'isQuantities',
    validator: {
      validate: isQuantities,
      defaultMessage: () => 'must be amounts of cpu, memory and ephemeral-storage, like cpu=500m,memory=1Gi',
    },
  });
}

export function isEgressList(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((item) => {
      const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^[\]]+?))(?::\d{1,5})?$/.exec(String(item)) ?? [];
      const block = bracketed ?? plain ?? '';
      return plain === 'public' || (block.includes('/') && isCidrOrAddress(block));
    })
  );
}

export function IsEgressList(): PropertyDecorator {
  return ValidateBy({
    name: 'isEgressList',
    validator: {
      validate: isEgressList,
      defaultMessage: () =>
        'must be address blocks or `public`, each with a port or without, like public:443,10.1.0.0/16:5432',
    },
  });
}
