import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type LookupFunction, type Socket, connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { AddressRule } from './address-rule.js';
import { AddressRefused, OutboundTimeout, codeOf, seconds } from './errors.js';
import { NameUnresolved, type ResolveName } from './names.js';
import { ProxyFailed, proxyHeaders } from './proxy.js';
import { addressIn, hostOf, portOf } from './target.js';

/** How long one address of several is tried before the next one. Node's 250 ms fail on slow networks. */
const ADDRESS_MS = 2_000;
/** How long the check of a name waits that a proxy resolves again. */
const PROXY_CHECK_MS = 3_000;
const HEADERS_BYTES_MAX = 16_384;

/** Where a connection leads. */
export interface Route {
  readonly target: URL;
  /** Null: directly. */
  readonly proxy: URL | null;
}

interface Host {
  readonly url: URL;
  readonly rule: AddressRule;
}

const ANY_ADDRESS: AddressRule = () => true;

/** Makes connections to addresses that the rule allows. Certificates are verified. */
export class Connector {
  private readonly closing = new AbortController();

  constructor(
    private readonly mayConnect: AddressRule,
    private readonly resolve: ResolveName,
  ) {}

  /**
   * A connection over which a request can be sent.
   * @throws {@link AddressRefused}, {@link NameUnresolved}, {@link OutboundTimeout}, {@link ProxyFailed}, or an error with a code
   */
  async open({ target, proxy }: Route, withinMs: number): Promise<Socket> {
    const signal = AbortSignal.any([AbortSignal.timeout(withinMs), this.closing.signal]);
    try {
      if (proxy === null) return await this.dial({ url: target, rule: this.mayConnect }, signal);
      const socket = await this.dialProxy(proxy, signal);
      return target.protocol === 'http:' ? socket : await this.tunnel(socket, { target, proxy }, signal);
    } catch (error) {
      if (codeOf(error) !== 'ABORT_ERR') throw error;
      throw new OutboundTimeout(`Could not connect within ${seconds(withinMs)}.`, { cause: error });
    }
  }

  /** Ends all attempts to connect. */
  close(): void {
    this.closing.abort();
  }

  /**
   * Refuses a target that a proxy must not be asked for. The proxy resolves the name itself and picks any of its
   * addresses, so all must be allowed. A name that only the proxy can resolve is left to it.
   * @throws {@link AddressRefused}
   */
  async assertAllowed(target: URL, withinMs: number): Promise<void> {
    if (addressIn(target) !== null) return;
    const host = hostOf(target);
    const signal = AbortSignal.any([AbortSignal.timeout(Math.min(PROXY_CHECK_MS, withinMs)), this.closing.signal]);
    const found = await this.resolve(host, signal).catch((): readonly string[] => []);
    if (!found.every(this.mayConnect)) throw AddressRefused.of(host, found);
  }

  private async dialProxy(url: URL, signal: AbortSignal): Promise<Socket> {
    try {
      return await this.dial({ url, rule: ANY_ADDRESS }, signal);
    } catch (error) {
      throw codeOf(error) === 'ABORT_ERR' ? error : ProxyFailed.unreachable(error);
    }
  }

  /** The address is checked after the name was resolved, and again on the socket. */
  private async dial({ url, rule }: Host, signal: AbortSignal): Promise<Socket> {
    const host = hostOf(url);
    const found = isIP(host) === 0 ? await this.addressesOf(host, signal) : [host];
    const allowed = found.filter(rule);
    if (allowed.length === 0) throw AddressRefused.of(host, found);
    const lookup = pinned(allowed);
    const socket = connect({
      host,
      port: portOf(url),
      lookup,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ADDRESS_MS,
      noDelay: true,
    });
    await settled(socket, 'connect', signal);
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || !rule(remoteAddress)) {
      socket.destroy();
      throw remoteAddress === undefined ? connectionReset() : AddressRefused.of(host, [remoteAddress]);
    }
    return url.protocol === 'https:' ? secured(socket, host, signal) : socket;
  }

  private async addressesOf(host: string, signal: AbortSignal): Promise<readonly string[]> {
    try {
      return await this.resolve(host, signal);
    } catch (error) {
      const isLate = signal.aborted || codeOf(error) === 'ETIMEOUT';
      throw isLate ? new OutboundTimeout(new NameUnresolved(host, 'ETIMEOUT').message, { cause: error }) : error;
    }
  }

  /** @see RFC 9110, section 9.3.6 */
  private async tunnel(socket: Socket, { target, proxy }: Required<Route>, signal: AbortSignal): Promise<Socket> {
    const authority = `${target.hostname}:${portOf(target)}`;
    const asked = request({
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...(proxy !== null && proxyHeaders(proxy)) },
      createConnection: () => socket,
      maxHeaderSize: HEADERS_BYTES_MAX,
      signal,
    });
    asked.end();
    const [{ statusCode = 0 }] = (await once(asked, 'connect', { signal })) as [IncomingMessage];
    if (statusCode < 200 || statusCode > 299) {
      socket.destroy();
      throw ProxyFailed.responded(statusCode);
    }
    return secured(socket, hostOf(target), signal);
  }
}

/** A connection over TLS, with a verified certificate. */
async function secured(socket: Socket, host: string, signal: AbortSignal): Promise<Socket> {
  // A name indication is never an address, and has no dot at its end. @see RFC 6066, section 3
  const name = host.replace(/\.$/, '');
  const secure = connectTls({
    socket,
    host: name,
    servername: isIP(host) === 0 ? name : '',
    ALPNProtocols: ['http/1.1'],
  });
  await settled(secure, 'secureConnect', signal);
  return secure;
}

/** Waits for an event; a connection that fails or comes too late is dropped. */
async function settled(socket: Socket, event: string, signal: AbortSignal): Promise<void> {
  // Errors after the event belong to the request; without a listener they would end the process.
  socket.on('error', () => undefined);
  try {
    await once(socket, event, { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** A look-up that knows the answer. IPv4 comes first: many clusters have no route for IPv6. */
function pinned(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) })).sort((a, b) => a.family - b.family);
  return (_hostname, options, callback) => {
    const [first] = found;
    if (options.all === true) callback(null, found);
    else callback(null, first?.address ?? '', first?.family ?? 0);
  };
}

const connectionReset = (): Error => Object.assign(new Error('The connection was reset'), { code: 'ECONNRESET' });
