import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import { type AddressRule, addressRule } from './address-rule.js';
import { Connector, type Route } from './connector.js';
import { AddressRefused } from './errors.js';
import { ConnectionStale, type Exchange, type OutboundResponse, exchange } from './exchange.js';
import { type ResolveName, SystemNames } from './names.js';
import { Proxies, type ProxyOptions, ProxyFailed, proxyHeaders } from './proxy.js';
import { hostOf, whyNoTarget } from './target.js';

const HEADERS_BYTES_MAX = 16_384;
const KEEP_ALIVE_MS = 10_000;
const CONNECT_MS = 10_000;
const IDLE_PER_ORIGIN_MAX = 16;
const PROXY_AUTHENTICATION_REQUIRED = 407;

export interface OutboundRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** From the start to the last byte of what is kept of the response. */
  readonly timeoutMs: number;
  /** The bytes of the body that are kept; the connection is not read further. */
  readonly keptBytesMax: number;
}

export interface OutboundOptions {
  /** Addresses and CIDRs that may be connected to although they are not public. */
  readonly allowed: readonly string[];
  /** Resolves names; as the system does by default. */
  readonly resolve?: ResolveName;
  readonly proxy?: ProxyOptions;
  /** For resolving the name and connecting, as a part of the time of a request. */
  readonly connectMs?: number;
}

/**
 * Sends requests to addresses that clients of the API choose. A connection is made only to an address that the rule
 * allows: the address is checked after the name was resolved, and again on the socket, so that a name that resolves
 * otherwise the next time leads nowhere. Certificates are verified. Redirects are not followed.
 *
 * The number of connections is not limited: a request that waited for one would lose the time that its server has to
 * respond. Callers limit how many requests they send at a time.
 */
export class OutboundHttp {
  private readonly mayConnect: AddressRule;
  private readonly connector: Connector;
  private readonly proxies: Proxies;
  private readonly connectMs: number;
  private readonly keptAlive: RouteAgent;
  private readonly unshared: RouteAgent;

  constructor({ allowed, resolve, proxy = {}, connectMs = CONNECT_MS }: OutboundOptions) {
    this.mayConnect = addressRule(allowed);
    this.connector = new Connector(this.mayConnect, resolve ?? new SystemNames().resolve);
    this.proxies = new Proxies(proxy);
    this.connectMs = connectMs;
    this.keptAlive = new RouteAgent(this.connector, {
      keepAlive: true,
      maxFreeSockets: IDLE_PER_ORIGIN_MAX,
      timeout: KEEP_ALIVE_MS,
    });
    this.unshared = new RouteAgent(this.connector, { keepAlive: false });
  }

  /** What is wrong with an address, in words that continue "url …"; null: nothing that its text shows. */
  whyNoTarget(url: string): string | null {
    return whyNoTarget(url, this.mayConnect);
  }

  /**
   * Sends a POST. If the server has closed a connection of an earlier request, the request is sent again over a new one.
   * @throws {@link AddressRefused}, {@link NameUnresolved}, {@link OutboundTimeout}, {@link ProxyFailed}, or an error
   *   with the `code` of the failed connection
   */
  async post(request: OutboundRequest): Promise<OutboundResponse> {
    const why = this.whyNoTarget(request.url);
    if (why !== null) throw new AddressRefused(`The URL ${why}.`, '', []);
    const target = new URL(request.url);
    const route: Route = { target, proxy: this.proxies.for(target) };
    const isForwarded = route.proxy !== null && target.protocol === 'http:';
    const sent = this.exchangeOf(request, route, isForwarded);
    // A proxy resolves the name for each request, over kept connections too.
    if (route.proxy !== null) await this.connector.assertAllowed(target, sent.options.connectMs);
    const response = await exchange(sent).catch((error: unknown) => {
      if (!(error instanceof ConnectionStale)) throw error;
      return exchange({ ...sent, options: { ...sent.options, agent: this.unshared } });
    });
    if (isForwarded && response.status === PROXY_AUTHENTICATION_REQUIRED) throw ProxyFailed.responded(response.status);
    return response;
  }

  close(): Promise<void> {
    this.connector.close();
    this.keptAlive.destroy();
    this.unshared.destroy();
    return Promise.resolve();
  }

  private exchangeOf(
    { url, headers, body, timeoutMs, keptBytesMax }: OutboundRequest,
    route: Route,
    isForwarded: boolean,
  ): Exchange<RouteRequest> {
    const { target, proxy } = route;
    const deadline = performance.now() + timeoutMs;
    const options: RouteRequest = {
      agent: this.keptAlive,
      route,
      connectMs: this.connectMs,
      deadline,
      method: 'POST',
      host: hostOf(target),
      path: isForwarded ? url : `${target.pathname}${target.search}`,
      headers: { ...headers, host: target.host, ...(isForwarded && proxy !== null && proxyHeaders(proxy)) },
      maxHeaderSize: HEADERS_BYTES_MAX,
    };
    return { options, body, deadline, timeoutMs, keptBytesMax };
  }
}

interface RouteRequest extends ClientRequestArgs {
  readonly route: Route;
  readonly connectMs: number;
  readonly deadline: number;
}

/** Keeps connections for later requests of the same origin. */
class RouteAgent extends Agent {
  constructor(
    private readonly connector: Connector,
    options: AgentOptions,
  ) {
    super(options);
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const { route, connectMs, deadline } = options as RouteRequest;
    // A second connection has the time that is left.
    const withinMs = Math.max(1, Math.min(connectMs, Math.round(deadline - performance.now())));
    this.connector.open(route, withinMs).then(
      (socket) => callback?.(null, socket),
      // Without a connection there is no stream.
      (error: unknown) => callback?.(error as Error, undefined as never),
    );
  }

  override getName(options?: ClientRequestArgs): string {
    return (options as RouteRequest).route.target.origin;
  }
}
