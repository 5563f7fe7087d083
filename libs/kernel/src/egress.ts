import { isIP } from 'node:net';

/** One destination that a project may reach. */
export interface EgressRule {
  /** An address block, or `public`: all addresses that are not private. */
  readonly destination: string;
  /** Null: all ports. */
  readonly port: number | null;
}

/**
 * Parses `public`, `10.1.0.0/16`, `10.1.2.3/32:443`, `public:443` or `[2001:db8::/32]:443`; null if it is none of
 * these.
 */
export function parseEgress(text: string): EgressRule | null {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^[\]]+?))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = digits === undefined ? null : Number(digits);
  if (port !== null && (port < 1 || port > 65_535)) return null;
  if (plain === 'public' || isBlock(bracketed ?? '', 6) || isBlock(plain ?? '', 4)) {
    return { destination: bracketed ?? plain ?? '', port };
  }
  // Without a port an IPv6 block needs no brackets.
  return isBlock(text, 6) ? { destination: text, port: null } : null;
}

/** Whether it is a list of valid destinations. */
export function isEgressList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && parseEgress(item) !== null);
}

function isBlock(text: string, version: 4 | 6): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  if (isIP(address) !== version || bits === undefined || rest.length > 0) return false;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}
