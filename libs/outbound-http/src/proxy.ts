import { canonicalAddress, networkMatcher } from '@app/kernel';
import { isIP } from 'node:net';
import { codeOf } from './errors.js';
import { hostOf, portOf } from './target.js';

export interface ProxyOptions {
  /** The proxy for `http://` URLs. */
  readonly http?: string;
  /** The proxy for `https://` URLs. */
  readonly https?: string;
  /** The hosts that are reached without a proxy. */
  readonly noProxy?: string;
}

/** A proxy did not pass a request on. The message names neither the proxy nor its credentials. */
export class ProxyFailed extends Error {
  static responded(status: number): ProxyFailed {
    return new ProxyFailed(`The proxy responded ${status}.`);
  }

  static unreachable(cause: unknown): ProxyFailed {
    return new ProxyFailed(`The proxy could not be reached: ${codeOf(cause) ?? 'unknown error'}.`, { cause });
  }
}

/** Which requests go through which proxy. */
export class Proxies {
  private readonly byProtocol: ReadonlyMap<string, URL>;
  private readonly exceptions: readonly ((target: URL) => boolean)[];

  constructor({ http = '', https = '', noProxy = '' }: ProxyOptions) {
    const given = [
      ['http:', http],
      ['https:', https],
    ] as const;
    this.byProtocol = new Map(given.filter(([, url]) => url !== '').map(([protocol, url]) => [protocol, new URL(url)]));
    this.exceptions = noProxy
      .split(/[\s,]+/)
      .filter((entry) => entry !== '')
      .map(exceptionOf);
  }

  /** Null: the target is reached without a proxy. */
  for(target: URL): URL | null {
    const proxy = this.byProtocol.get(target.protocol) ?? null;
    return proxy === null || this.exceptions.some((isExcepted) => isExcepted(target)) ? null : proxy;
  }
}

/**
 * One entry of NO_PROXY: `*`, a name that stands for its subdomains too, `*.name` for its subdomains only, an address
 * or a CIDR, each optionally with a port. Names are not resolved to compare them with addresses.
 */
function exceptionOf(entry: string): (target: URL) => boolean {
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]*)\]|([^:]*|.*:.*:.*?))(?::(\d+))?$/.exec(entry) ?? [];
  const isHost = hostMatcher((bracketed ?? plain).toLowerCase());
  return (target) => (port === undefined || Number(port) === portOf(target)) && isHost(nameOf(target));
}

function hostMatcher(pattern: string): (host: string) => boolean {
  if (pattern === '*') return () => true;
  const [base = '', bits] = pattern.split('/');
  const address = canonicalAddress(base);
  if (address !== null && bits === undefined) return (host) => canonicalAddress(host) === address;
  if (address !== null) {
    const isNetwork =
      !base.includes('%') && /^\d{1,3}$/.test(bits ?? '') && Number(bits) <= (isIP(base) === 4 ? 32 : 128);
    return isNetwork ? networkMatcher([pattern]) : () => false;
  }
  const name = pattern.replace(/^\*?\./, '').replace(/\.$/, '');
  if (name === '') return () => false;
  return (host) => host.endsWith(`.${name}`) || (host === name && !pattern.startsWith('*'));
}

const nameOf = (target: URL): string => hostOf(target).replace(/\.$/, '');

/** The header that authenticates to a proxy, if its URL has a user name. */
export function proxyHeaders({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const credentials = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64');
  return { 'proxy-authorization': `Basic ${credentials}` };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
