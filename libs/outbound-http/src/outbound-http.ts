import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import { Agent, EnvHttpProxyAgent, type Dispatcher, buildConnector } from 'undici';
import { type AddressRule, addressRule } from './address-rule.js';
import { addressIn, whyNoTarget } from './target.js';

const HEADERS_BYTES_MAX = 16_384;
const CONNECTIONS_PER_ORIGIN = 16;
const KEEP_ALIVE_MS = 10_000;

/** The request was not sent, or not to that address: the address is not allowed. */
export class AddressRefused extends Error {}

export interface OutboundRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** From the start to the last byte of what is kept of the response. */
  readonly timeoutMs: number;
  /** The bytes of the body that are kept; the connection is not read further. */
  readonly keptBytesMax: number;
}

export interface OutboundResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The first bytes of the body. */
  readonly excerpt: Buffer;
}

export interface OutboundOptions {
  /** Addresses and CIDRs that may be connected to although they are not public. */
  readonly allowed: readonly string[];
  /** Resolves names; that of the system by default. */
  readonly lookup?: typeof systemLookup;
  /** The proxy for outgoing requests, by protocol, and the hosts that are reached without it. */
  readonly proxy?: { readonly http?: string; readonly https?: string; readonly noProxy?: string };
}

/**
 * Sends requests to addresses that clients of the API choose. A connection is made only to an address that the rule
 * allows: the address is checked after the name was resolved, and again on the socket, so that a name that resolves
 * otherwise the next time leads nowhere. Certificates are verified. Redirects are not followed.
 */
export class OutboundHttp {
  private readonly mayConnect: AddressRule;
  private readonly dispatcher: Dispatcher;
  private readonly lookup: typeof systemLookup;
  private readonly hasProxy: boolean;

  constructor({ allowed, lookup = systemLookup, proxy = {} }: OutboundOptions) {
    this.mayConnect = addressRule(allowed);
    const options: Agent.Options = {
      connect: guarded(this.mayConnect, lookup),
      connections: CONNECTIONS_PER_ORIGIN,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEADERS_BYTES_MAX,
      pipelining: 1,
    };
    const { http: httpProxy = '', https: httpsProxy = '', noProxy = '' } = proxy;
    this.lookup = lookup;
    this.hasProxy = httpProxy !== '' || httpsProxy !== '';
    this.dispatcher = this.hasProxy
      ? new EnvHttpProxyAgent({ ...options, httpProxy, httpsProxy, noProxy })
      : new Agent(options);
  }

  /** What is wrong with an address, in words that continue "url …"; null: nothing that its text shows. */
  whyNoTarget(url: string): string | null {
    return whyNoTarget(url, this.mayConnect);
  }

  /**
   * Sends a POST.
   * @throws {@link AddressRefused}, an error with the `code` of the failed connection, or a TimeoutError
   */
  async post({ url, headers, body, timeoutMs, keptBytesMax }: OutboundRequest): Promise<OutboundResponse> {
    const why = this.whyNoTarget(url);
    if (why !== null) throw new AddressRefused(`The URL ${why}.`);
    const signal = AbortSignal.timeout(timeoutMs);
    const target = new URL(url);
    if (this.hasProxy && addressIn(target) === null) await this.assertAllowed(target.hostname);
    const response = await this.dispatcher.request({
      origin: target.origin,
      path: `${target.pathname}${target.search}`,
      method: 'POST',
      headers,
      body,
      signal,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    const excerpt = await firstBytes(response.body, keptBytesMax);
    return { status: response.statusCode, headers: response.headers, excerpt };
  }

  /** A proxy resolves names itself; a name that only it can resolve is left to it. */
  private async assertAllowed(hostname: string): Promise<void> {
    const found = await promisify(this.lookup)(hostname, { all: true }).catch((): LookupAddress[] => []);
    if (found.length > 0 && !found.some(({ address }) => this.mayConnect(address)))
      throw new AddressRefused(`${hostname} leads to ${listOf(found)}.`);
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }
}

/** Reads to the end if the body is short, so that the connection can be used again; else drops the connection. */
async function firstBytes(body: AsyncIterable<Buffer> & { destroy(): unknown }, max: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > max) break;
  }
  return Buffer.concat(chunks).subarray(0, max);
}

function guarded(mayConnect: AddressRule, lookup: typeof systemLookup): buildConnector.connector {
  const connect = buildConnector({ lookup: checked(mayConnect, lookup), autoSelectFamily: true });
  return (options, callback) => {
    connect(options, (error, socket) => {
      if (error !== null) {
        callback(error, null);
        return;
      }
      const { remoteAddress = '' } = socket;
      if (mayConnect(remoteAddress)) {
        callback(null, socket);
        return;
      }
      socket.destroy();
      callback(new AddressRefused(`${options.hostname} leads to ${remoteAddress || 'no address'}.`), null);
    });
  };
}

/** Resolves a name to the addresses that may be connected to; fails if there is none. */
function checked(mayConnect: AddressRule, lookup: typeof systemLookup): LookupFunction {
  return (hostname: string, options: LookupOptions, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, '', 0);
        return;
      }
      const allowed = found.filter(({ address }) => mayConnect(address));
      const [first] = allowed;
      if (first === undefined) {
        callback(new AddressRefused(`${hostname} leads to ${listOf(found)}.`), '', 0);
        return;
      }
      if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

const listOf = (found: readonly LookupAddress[]): string =>
  found.map(({ address }) => address).join(', ') || 'no address';
